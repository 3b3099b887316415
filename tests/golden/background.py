"""Background: listings of an ordinary year around the hard cases, so that common words are common.

Invented towns that no case uses, titles that every village has, some events listed by two sources. Nobody judges what
becomes of them; they only give token frequencies, boilerplate and blocks the size they have in life.

    python -m tests.golden.background /tmp/background
"""

import json
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any, Final

SEED: Final = 2026
EVENTS: Final = 1_400
SHARE_LISTED_TWICE: Final = 0.4
TOWNS: Final = tuple(
    front + back
    for front, back in product(
        ("Ober", "Nieder", "Alt", "Neu", "Hinter"), ("eschach", "simonsfeld", "rimsing", "bollbach")
    )
)
CLUBS: Final = (
    "Musikverein",
    "Gesangverein",
    "Narrenzunft",
    "Feuerwehr",
    "Landfrauen",
    "Schwarzwaldverein",
    "Sportverein",
)
HAPPENINGS: Final = (
    ("Jahreskonzert", "Festhalle", 20), ("Weihnachtsmarkt", "Marktplatz", 15), ("Wochenmarkt", "Marktplatz", 8),
    ("Flohmarkt", "Turnhalle", 10), ("Hauptversammlung", "Vereinsheim", 20), ("Sommerfest", "Festplatz", 11),
    ("Lesung", "Stadtbibliothek", 19), ("Vorlesestunde", "Stadtbibliothek", 15), ("Führung", "Museum", 11),
    ("Gottesdienst", "Kirche", 10), ("Seniorennachmittag", "Pfarrheim", 14), ("Fasnetumzug", "Ortsmitte", 14),
    ("Kinderkino", "Kino", 15), ("Blutspende", "Mehrzweckhalle", 14), ("Vortrag", "Rathaus", 19),
    ("Theaterabend", "Bürgerhaus", 20), ("Wanderung", "Bahnhof", 9), ("Dorffest", "Dorfplatz", 17),
    ("Open Air", "Stadtpark", 20), ("Kabarett", "Bürgerhaus", 20), ("Adventskonzert", "Kirche", 17), ("Fastnachtsball", "Festhalle", 20),
)  # fmt: skip
TOPICS: Final = (
    "Heimat",
    "Garten",
    "Island",
    "Jazz",
    "Mozart",
    "Wald",
    "Wein",
    "Krimi",
    "Märchen",
    "Musical",
    "Swing",
    "Energie",
)
TEMPLATES: Final = (
    "{what} mit {club} in {town}. Für Bewirtung ist gesorgt.",
    "Der Verein {club} lädt herzlich ein. Der Eintritt ist frei, um Spenden wird gebeten.",
    "{what} zum Thema {topic}. Anmeldung erforderlich bei der Geschäftsstelle.",
)
SOURCES: Final = ("kal", "amt", "bwb", "tou")


def background(seed: int) -> dict[str, bytes]:
    """Return about 2,000 listings as files of four sources, content by file name: equal for an equal seed."""
    listings: dict[str, list[dict[str, Any]]] = {source: [] for source in SOURCES}
    for number, (source, listing) in enumerate(_listings(random.Random(seed))):  # noqa: S311 - no secret
        listings[source].append({"id": f"background-{number}", **listing})
    return {
        f"{source}_01.12.2025_background.json": json.dumps({"events": events}, ensure_ascii=False).encode()
        for source, events in listings.items()
    }


def _listings(chance: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    for _ in range(EVENTS):
        town, club, topic = chance.choice(TOWNS), chance.choice(CLUBS), chance.choice(TOPICS)
        what, venue, hour = chance.choice(HAPPENINGS)
        day = date(2026, 1, 1) + timedelta(days=chance.randrange(365))
        titles = (f"{what} {club}", f"{what} {topic}", f"{club}: {what}", f"{what} in {town}")
        title = chance.choice(titles)
        listed = chance.sample(SOURCES, 2 if chance.random() < SHARE_LISTED_TWICE else 1)
        for source in listed:
            text = chance.choice(TEMPLATES).format(what=what, club=club, town=town, topic=topic)
            time = f"{hour:02}:{chance.choice(('00', '30'))}" if chance.random() < 0.8 else None
            yield source, _listing(title, text, day, time, (venue, town))


def _listing(title: str, text: str, day: date, time: str | None, place: tuple[str, str]) -> dict[str, Any]:
    return {
        "title": title,
        "description": text,
        "event_dates": [{"date": day.isoformat(), "start_time": time, "end_time": None, "end_date": None}],
        "location": {"name": place[0], "city": place[1]},
        "source_type": "terminliste",
        "categories": [],
    }


def main(arguments: Sequence[str]) -> None:
    """Write the background's files into the folder named, for ``event-dedup evaluate tests/golden --around FOLDER``."""
    (name,) = arguments
    folder = Path(name)
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in background(SEED).items():
        (folder / file).write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1:])
