"""Files: what came in, what became of each, what was refused and why."""

from typing import Final

from handlers import desk, wiring
from handlers.web.mounting import Missing, Refused, Shown
from handlers.web.shell import Answer, onward, page
from handlers.web.visiting import ROOT, Visit

STATUSES: Final = ("stored", "duplicate", "quarantined", "replayed")
A_PAGE: Final = 50
LAST_PAGE: Final = 10_000
LARGEST: Final = 2**63


def number_of(text: str | None, most: int) -> int | None:
    """Read a number from 1 on; null where it is none."""
    known = text is not None and text.isascii() and text.isdigit() and len(text) < 20
    number = int(text) if known and text is not None else 0
    return number if 0 < number < most else None


MOST_NUMBERS: Final = 200


def numbers_of(text: str | None) -> list[int]:
    """Read numbers between commas; what is none is left out."""
    numbers = [number_of(part, LARGEST) for part in (text or "").split(",")]
    return [number for number in numbers if number is not None][:MOST_NUMBERS]


def show_files(visit: Visit) -> Answer:
    """List files, newest first."""
    asked = visit.asked("status")
    if asked is not None and asked not in STATUSES:
        raise Refused("There is no such status.")
    status = asked
    at = number_of(visit.asked("page"), LAST_PAGE) or 1
    files = desk.list_files(wiring.for_api(), status=status, page=at, limit=A_PAGE)
    return page(
        visit,
        "files.html",
        files=files[:A_PAGE],
        statuses=STATUSES,
        chosen=status,
        at=at,
        more=len(files) > A_PAGE,
        overview=desk.overview(wiring.for_api()),
    )


def show_file(visit: Visit) -> Answer:
    """Show a file's receipt."""
    number = number_of(visit.parts["file_id"], LARGEST)
    receipt = None if number is None else desk.receipt_of(wiring.for_api(), number)
    if receipt is None:
        raise Missing
    return page(
        visit,
        "file.html",
        file=receipt.file,
        events=receipt.events,
        in_quarantine=receipt.file["status"] == "quarantined",
        in_bucket="/" not in receipt.file["bucket"],
    )


def set_free(visit: Visit) -> Answer:
    """Let a file of a bucket be taken in again."""
    number = number_of(visit.parts["file_id"], LARGEST)
    if number is None or not desk.set_free(wiring.for_api(), number, author=visit.who.name):
        raise Refused("This file is not in quarantine.")
    return onward(f"{ROOT}/files/{number}")


SHOWN: Final = [
    Shown("GET", "/files", show_files, asks=("status", "page")),
    Shown("GET", "/files/<file_id>", show_file),
    Shown("POST", "/files/<file_id>", set_free, "editor"),
]
