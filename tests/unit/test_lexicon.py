"""The lexicon: every example in its files holds in the engine that uses them, and no entry contradicts another."""

import re
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest

from dedup_core import lexicon
from dedup_core.errors import InvalidLexicon
from dedup_core.folding import fold, fold_all, folded, lowered
from dedup_core.lexicon import FILES, District, parse
from dedup_core.lexicon.entries import (
    Capture,
    Countries,
    Marker,
    Organisers,
    Places,
    Removal,
    Stopwords,
    Synonyms,
)

ORGANISERS = lexicon.read("organisers.yaml", Organisers).prefixes
MARKERS = {
    **lexicon.markers(),
    **lexicon.kinds(),
    "hosts": lexicon.hosts(),
    "umbrellas": lexicon.umbrellas(),
    "supports": lexicon.supports(),
    "works": lexicon.works(),
    "affairs": lexicon.affairs(),
}
TITLES = dict(lexicon.rules().titles)
VENUES = dict(lexicon.rules().venues)
IN_PYTHON = {"programme": TITLES["programme"], "place": VENUES["place"]}


def low(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"text": texts}).select(lowered(pl.col("text")))


def cut(removal: Removal, titles: list[str]) -> list[str]:
    return low(titles).select(pl.col("text").str.replace(removal.pattern, "")).to_series().to_list()


def said(marker: Marker, titles: list[str]) -> list[str]:
    """Return the titles that one of the patterns finds."""
    hits = (
        low(titles)
        .select(pl.any_horizontal(pl.col("text").str.contains(p) for p in marker.patterns))
        .to_series()
    )
    return [title for title, hit in zip(titles, hits, strict=True) if hit]


def read_as(text: pl.Expr, marker: Marker) -> tuple[list[str], list[str], list[str]]:
    """Return the examples that a marker does not find, the counter-examples that it finds, and its patterns that find no example."""
    examples, counter_examples = (
        pl.DataFrame({"text": texts}).select(text).to_series()
        for texts in (marker.examples, marker.counter_examples)
    )
    return (
        examples.filter(~examples.str.contains(marker.pattern)).to_list(),
        counter_examples.filter(counter_examples.str.contains(marker.pattern)).to_list(),
        [pattern for pattern in marker.patterns if not examples.str.contains(pattern).any()],
    )


def captured(capture: Capture, text: str) -> dict[str, str]:
    """Return the groups of the first pattern that captures any, nothing if none does."""
    for pattern in capture.patterns:
        groups = low([text]).select(pl.col("text").str.extract_groups(pattern)).to_series()[0]
        found = {name: value for name, value in groups.items() if value is not None and not name.isdigit()}
        if found:
            return found
    return {}


@pytest.mark.parametrize("removal", ORGANISERS, ids=lambda removal: next(iter(removal.examples)))
def test_an_organiser_is_cut_off_and_a_title_of_its_own_is_not(removal: Removal) -> None:
    left = cut(removal, list(removal.examples))
    unchanged = cut(removal, list(removal.unchanged))

    assert left == list(removal.examples.values())
    assert unchanged == low(list(removal.unchanged)).to_series().to_list()


@pytest.mark.parametrize("name", MARKERS)
def test_a_marker_finds_its_examples_and_none_of_the_counter_examples(name: str) -> None:
    marker = MARKERS[name]

    assert said(marker, list(marker.examples)) == list(marker.examples)
    assert said(marker, list(marker.counter_examples)) == []


@pytest.mark.parametrize("name", MARKERS)
def test_every_pattern_of_a_marker_is_shown_by_an_example(name: str) -> None:
    marker = MARKERS[name]

    unused = [
        p
        for p in marker.patterns
        if not said(marker.model_copy(update={"patterns": (p,)}), list(marker.examples))
    ]

    assert unused == []


@pytest.mark.parametrize("name", TITLES)
def test_what_a_rule_looks_for_in_titles_as_written_but_lowered_is_shown_by_examples(name: str) -> None:
    assert read_as(pl.col("text").str.to_lowercase(), TITLES[name]) == ([], [], [])


@pytest.mark.parametrize("name", VENUES)
def test_what_a_rule_looks_for_in_folded_names_of_venues_is_shown_by_examples(name: str) -> None:
    assert read_as(folded(pl.col("text")), VENUES[name]) == ([], [], [])


@pytest.mark.parametrize("name", IN_PYTHON)
def test_a_pattern_that_python_looks_for_finds_there_what_it_finds_in_columns(name: str) -> None:
    marker = IN_PYTHON[name]
    texts = [text.lower() for text in (*marker.examples, *marker.counter_examples)]

    found = [text for text in texts if re.search(marker.pattern, text)]

    assert found == texts[: len(marker.examples)]


def test_any_pattern_of_a_marker_suffices() -> None:
    marker = Marker(patterns=("^a|b", "c$"), examples=("a",), counter_examples=("d",))

    found = [text for text in ("ax", "xb", "xc", "xa", "cx") if re.search(marker.pattern, text)]

    assert found == ["ax", "xb", "xc"]


@pytest.mark.parametrize("name", lexicon.captures())
def test_a_capture_holds_what_its_examples_say(name: str) -> None:
    capture = lexicon.captures()[name]

    found = {text: captured(capture, text) for text in capture.examples}

    assert found == dict(capture.examples)


def test_the_kind_of_a_listing_that_fits_several_is_the_first() -> None:
    titles = [
        "Führung durch die Ausstellung",
        "Vernissage der Ausstellung",
        "Gutschein für eine Stadtführung",
    ]

    first = [next(name for name, kind in lexicon.kinds().items() if said(kind, [title])) for title in titles]

    assert first == ["guided_tour", "opening", "voucher"]
    assert not lexicon.kinds()["voucher"].event
    assert lexicon.kinds()["guided_tour"].event


def test_a_month_is_found_as_the_captures_write_it() -> None:
    texts = [
        "verlegt vom 3. März",
        "verlegt vom 3. Jänner",
        "verschoben vom 24. Dez.",
        "Rescheduled from Sept 5",
    ]

    found = [captured(lexicon.captures()["previous_date"], text) for text in texts]

    assert [lexicon.months()[groups["month"]] for groups in found] == [3, 1, 12, 9]


def test_every_synonym_leads_to_a_word_that_leads_nowhere_else() -> None:
    synonyms = lexicon.synonyms()

    assert not set(synonyms) & set(synonyms.values())
    assert {fold(word) for word in ("Fasching", "KARNEVAL", "närrisches", "Fosnat")} <= set(synonyms)
    assert {synonyms[fold(w)] for w in ("Fasching", "Karneval", "närrisches", "Fosnat", "Narren")} == {
        "fasnet"
    }


@pytest.mark.parametrize(
    "kin",
    [
        ("Kilbi", "Kirchweih", "Kirmes", "Chilbi", "Kerwe"),
        ("Hock", "Hocketse", "Fest"),
        ("Metzgete", "Schlachtplatte", "Schlachtfest"),
        ("Flohmarkt", "Trödelmarkt", "Brocante"),
        ("Adventsmarkt", "Weihnachtsmarkt", "Christkindlesmarkt"),
        ("Guggenmusik", "Guggemusik"),
        ("Vernissage", "Ausstellungseröffnung"),
        ("Open Air", "Openair", "open-air"),
        ("Conference", "Conf", "Konferenz"),
    ],
)
def test_words_of_one_thing_meet(kin: tuple[str, ...]) -> None:
    met = {lexicon.synonyms().get(word, word) for word in fold_all(list(kin))}

    assert len(met) == 1


@pytest.mark.parametrize(
    "distinct",
    [
        ("Messe", "Gottesdienst"),
        ("Workshop", "Seminar", "Tutorial", "Conference", "Meetup"),
        ("Flohmarkt", "Wochenmarkt", "Jahrmarkt", "Weihnachtsmarkt", "Ostermarkt"),
        ("Führung", "Wanderung", "Spaziergang"),
        ("Ausstellung", "Vernissage", "Finissage"),
        ("Gemeinderat", "Ortschaftsrat", "Stadtrat", "Kreistag"),
        ("Rosenmontag", "Fasnetdienstag", "Schmutziger Donnerstag"),
        ("Kinder", "Jugend", "Senioren", "Frauen"),
    ],
)
def test_words_of_different_things_stay_apart(distinct: tuple[str, ...]) -> None:
    meanings = [lexicon.synonyms().get(word, word) for word in fold_all(list(distinct))]

    assert len(set(meanings)) == len(meanings)


def test_a_compound_meets_its_group_with_a_hyphen_and_stays_whole() -> None:
    apart = fold_all(["Floh-Markt", "Trödel-Markt", "Maibaum-Stellen", "Weihnachts-Markt", "Senioren-Kaffee"])

    met = [lexicon.synonyms()[phrase] for phrase in apart]

    assert met == ["flohmarkt", "flohmarkt", "maibaumstellen", "weihnachtsmarkt", "kaffeeklatsch"]
    assert set(met) <= lexicon.whole_words()


def test_what_a_meeting_is_about_is_no_everyday_word() -> None:
    everyday = lexicon.synonym_words()

    assert {"conference", "konferenz", "fasnet", "fasching", "kirche", "kirchen"} <= everyday
    assert not {"javascript", "js", "kubernetes", "machine learning", "ki"} & everyday


def test_no_word_that_tells_events_apart_is_a_stopword() -> None:
    telling = lexicon.synonym_words() | lexicon.compound_parts() | set(lexicon.regions().values())
    markers = {"ohne", "nicht", "live", "abgesagt", "entfaellt", "it", "who"}

    assert not lexicon.stopwords() & (telling | markers)


@pytest.mark.parametrize(
    ("key", "spellings"),
    [
        ("freiburg im breisgau", ["Freiburg", "FREIBURG i. Br.", "Freiburg i.Brsg.", "Fribourg-en-Brisgau"]),
        ("fribourg", ["Fribourg", "Freiburg im Üechtland", "Freiburg i. Ue."]),
        ("basel", ["Bâle", "Basle", "Basilea"]),
        ("strasbourg", ["Straßburg", "Strassburg", "Strossburi"]),
        ("mulhouse", ["Mülhausen", "Muelhausen", "Mulhausen"]),
        ("muenchen", ["Munich", "Muenchen", "Munchen"]),
        ("zuerich", ["Zurich", "Zürich", "ZUERICH"]),
        ("geneve", ["Genf", "Geneva", "Genève"]),
        ("frankfurt am main", ["Frankfurt", "Frankfurt/Main", "Frankfurt a. M."]),
        ("frankfurt oder", ["Frankfurt (Oder)", "Frankfurt/Oder"]),
        ("kobenhavn", ["København", "Copenhagen", "Koebenhavn"]),
        ("new york", ["NYC", "New York City", "New York, NY"]),
        ("kyiv", ["Kiev", "Київ"]),
        ("rottenburg am neckar", ["Rottenburg"]),
        ("rothenburg ob der tauber", ["Rothenburg", "Rothenburg o.d.T."]),
        (lexicon.ONLINE, ["online", "Virtual"]),
    ],
)
def test_all_spellings_of_a_town_lead_to_it(key: str, spellings: list[str]) -> None:
    assert {lexicon.place_aliases()[spelling] for spelling in fold_all(spellings)} == {key}


def test_a_name_of_several_towns_leads_to_none() -> None:
    for name in ("neustadt", "rheinfelden", "laufenburg", "halle", "washington", "st petersburg"):
        assert name not in lexicon.place_aliases()
        assert name not in lexicon.districts()


def test_a_town_lies_in_its_country() -> None:
    boxes = {
        "DE": (47.2, 55.1, 5.8, 15.1),
        "CH": (45.8, 47.9, 5.9, 10.6),
        "FR": (41.3, 51.2, -5.2, 8.3),
        "IT": (36.6, 47.1, 6.6, 18.6),
    }

    outside = [
        place.name
        for place in lexicon.places().values()
        if place.latitude is not None and place.longitude is not None and place.country in boxes
        for south, north, west, east in [boxes[place.country]]
        if not (south <= place.latitude <= north and west <= place.longitude <= east)
    ]

    assert outside == []


def test_no_two_towns_stand_on_one_spot() -> None:
    spots = {key: (p.latitude, p.longitude) for key, p in lexicon.places().items() if p.latitude is not None}

    same = [(a, b) for (a, here), (b, there) in combinations(spots.items(), 2) if here == there]

    assert same == []


def test_a_district_means_its_town_unless_another_has_one_of_this_name() -> None:
    districts = lexicon.districts()

    assert districts["kollnau"] == districts["waldkirch kollnau"] == District("waldkirch", "kollnau")
    assert (
        districts["waldkirch ot kollnau"]
        == districts["kollnau waldkirch"]
        == District("waldkirch", "kollnau")
    )
    assert districts["freiburg wiehre"] == districts["wiehre"] == District("freiburg im breisgau", "wiehre")
    assert districts["freiburg i br haslach"] == District("freiburg im breisgau", "haslach")
    assert not {"haslach", "wasser", "burg", "reichenbach", "buehl", "neustadt"} & set(districts)


def test_every_town_of_the_districts_is_a_place() -> None:
    assert set(lexicon.district_names()) <= set(lexicon.places())
    assert len(lexicon.district_names()) >= 40


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("ES", ["España", "Spain", "ESP", "Spanien"]),
        ("IT", ["Italia", "it", "Italien"]),
        ("SK", ["Slovakia", "SK", "Slowakei", "Slovensko"]),
        ("DE", ["Deutschland", "DEU", "Germany", "de"]),
        ("US", ["U.S.A.", "USA", "United States", "us"]),
        ("CZ", ["Czech Republic", "Česko", "Tschechien"]),
    ],
)
def test_a_country_is_known_by_codes_and_names(code: str, names: list[str]) -> None:
    assert {lexicon.countries()[name] for name in fold_all(names)} == {code}


def test_in_a_title_a_country_is_known_by_names_and_by_codes_that_are_no_words() -> None:
    words = lexicon.country_words()

    assert words["espana"] == words["spanien"] == "spain"
    assert words["cz"] == words["tschechien"] == "czechia"
    assert not {"it", "de", "no", "in", "at", "be", "es", "esp", "am", "spain"} & set(words)
    assert lexicon.regions()["tn"] == lexicon.regions()["tennessee"] == "tennessee"


def test_names_of_places_and_families_are_not_split() -> None:
    whole = lexicon.whole_words()

    assert {"stuttgart", "karlsruhe", "konzertina", "waldkirch", "kollnau", "emmendingen"} <= whole
    assert not whole & set(
        fold_all(
            ["Kindertheaterfest", "Feuerwehrfest", "Dorfhock", "Fasnetumzug", "Orgelkonzert", "Stadtlauf"]
        )
    )


def test_the_lexicon_holds_what_was_promised() -> None:
    groups = lexicon.read("synonyms.yaml", Synonyms).groups

    assert len(groups) >= 60
    assert len(lexicon.compound_parts()) >= 300
    assert len(lexicon.places()) >= 90
    assert len(lexicon.place_aliases()) - len(lexicon.places()) >= 60
    assert len(set(lexicon.countries().values())) >= 50


@pytest.mark.parametrize("name", FILES)
def test_every_file_passes_its_whole_check(name: str) -> None:
    text = (Path(lexicon.__file__).parent / name).read_text(encoding="utf-8")

    assert parse(text, FILES[name], name=name) == lexicon.read(name, FILES[name])


@pytest.mark.parametrize(
    ("text", "model", "name", "message"),
    [
        (
            "groups: [{words: [Fasnet, Fasching]}, {words: [Ball, FASCHING]}]",
            Synonyms,
            "synonyms.yaml",
            "fasching",
        ),
        ("groups: [{words: [Fasnet]}]", Synonyms, "synonyms.yaml", "groups.0.words"),
        ("groups: [", Synonyms, "synonyms.yaml", "not YAML"),
        (
            "places: [{name: Köln, country: DE, latitude: 91}]\nonline: [o]",
            Places,
            "places.yaml",
            "places.0.latitude",
        ),
        (
            "places: [{name: Bonn, country: DE, latitude: 50}]\nonline: [o]",
            Places,
            "places.yaml",
            "stand together",
        ),
        (
            "places: [{name: Bonn, country: DE}, {name: BONN, country: US}]\nonline: [o]",
            Places,
            "places.yaml",
            "bonn",
        ),
        (
            "prefixes: [{pattern: '(?<=x)y', examples: {a: b}}]",
            Organisers,
            "organisers.yaml",
            "prefixes.0.pattern",
        ),
        ("stopwords: {english: on}", Stopwords, "stopwords.yaml", "stopwords.english"),
        (
            "countries: [{alpha2: no, alpha3: NOR, name: Norway}]\nregions: {}",
            Countries,
            "countries.yaml",
            "alpha2",
        ),
        ("nonsense: 1", Synonyms, "synonyms.yaml", "nonsense"),
    ],
)
def test_a_wrong_entry_is_refused_with_file_and_path(
    text: str, model: type[Synonyms | Places | Organisers | Stopwords | Countries], name: str, message: str
) -> None:
    with pytest.raises(InvalidLexicon, match=name) as refused:
        parse(text, model, name=name)

    assert message in str(refused.value)


def test_every_file_counts_in_the_fingerprint() -> None:
    beside = Path(lexicon.__file__).parent.glob("*.yaml")

    assert sorted(path.name for path in beside) == sorted(FILES)
    assert len(lexicon.fingerprint()) == 64
