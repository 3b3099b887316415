"""Parsing: bytes to the JSON texts of single listings.

A file is refused as a whole only if it can't be told what its listings are: too large, no UTF-8, no JSON, no list
``events``. Whatever is wrong inside a listing costs that listing alone. What a listing means is not looked at here;
`dedup_core.validating` does that.

Decided: a UTF-8 byte order mark is skipped; UTF-16 and UTF-32 are refused. gzip is taken once (several members and
padding with zeros, too), never gzip in gzip. A list at the top level is refused: without ``metadata`` around it the
file can't have come from the pipeline. Members that nobody reads (``rejected``, unknown ones) must be JSON, but may
hold anything.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import polars as pl

from dedup_core.errors import UnreadableFile
from dedup_core.outline import Entries, measure, outline
from dedup_core.policy import Intake
from dedup_core.raw_listing import SHOWN, Json, Refused, read_json, read_listing, shown

_GZIP: Final = b"\x1f\x8b"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_WIDE_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_VISIBLE: Final = re.compile(rb"[^ \t\r\n]")
_PADDING: Final = re.compile(rb"\x00+")
_LIST: Final = ord("[")
_INFLATED_AT_ONCE: Final = 4096
"""Compressed bytes a step; deflate makes at most 1,032 times as much of them."""


BATCH_BYTES: Final = 1 << 20
BATCH_LISTINGS: Final = 2000
"""What later stages look at together. Measured: larger batches are not faster, and hostile ones take more memory."""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """The listings of one file, each as its own text.

    batches: ``index`` (UInt32, in the list ``events``) and ``raw`` (String, canonical JSON text), in the file's order.
    refused: the other listings, by index; together they are all that the file gave.
    processed_at: the file's ``metadata.processedAt`` in UTC, always as long (``2026-02-11T20:46:41.796000Z``), so that
        the order of the texts is the order of time; null if missing or unreadable.
    """

    batches: list[pl.DataFrame]
    refused: Mapping[int, Refused]
    processed_at: str | None
    listings: int

    def __len__(self) -> int:
        """Count the listings that the file gave, also when they are taken."""
        return self.listings

    def taken(self) -> Iterator[pl.DataFrame]:
        """Give the batches once, and let go of each as it is taken: of the largest file no two copies fit beside what is made of it."""
        self.batches.reverse()
        while self.batches:
            yield self.batches.pop()


def check_size(size: int, *, intake: Intake) -> None:
    """Refuse a file by its size in bytes; to be called before reading it.

    Raises:
        UnreadableFile: empty, or larger than the policy allows.
    """
    if size == 0:
        raise UnreadableFile("is empty")
    if size > intake.max_file_bytes:
        raise UnreadableFile(f"is {size:,} bytes long, expected at most {intake.max_file_bytes:,}")


def parse(content: bytes, *, intake: Intake) -> ParsedFile:
    """Split a file (JSON, or gzip of it) into its listings.

    Beyond the content itself this takes memory for the texts of the listings, once.

    Raises:
        UnreadableFile: not in the agreed format; the message says what was found and what is expected.
    """
    check_size(len(content), intake=intake)
    text = memoryview(_inflated(content, intake=intake) if content.startswith(_GZIP) else content)
    if bytes(text[:3]) == _BYTE_ORDER_MARK:
        text = text[3:]
    _check_beginning(text)
    lists = [
        entries
        for entries in outline(text, max_entries=2 * intake.max_listings + 1000)
        if text[entries.begin - 1] == _LIST
    ]
    top = _top(text, lists, intake=intake)
    events = _number_of_events(top)
    if len(lists[events]) > intake.max_listings:
        raise UnreadableFile(f"has {len(lists[events]):,} listings, expected at most {intake.max_listings:,}")
    for number, entries in enumerate(lists):
        if number != events:
            _check(text, entries, intake=intake)
    refused: dict[int, Refused] = {}
    batches = list(_batches(_read(text, lists[events], name="listing", intake=intake), refused))
    listings = sum(batch.height for batch in batches) + len(refused)
    return ParsedFile(batches, refused, _processed_at(top.get("metadata")), listings)


def _batches(
    read: Iterator[tuple[int, bytes | Refused]], refused: dict[int, Refused]
) -> Iterator[pl.DataFrame]:
    """Gather the texts of listings in batches, and what was refused in ``refused``."""
    texts: dict[int, bytes] = {}
    size = 0
    for index, entry in read:
        if isinstance(entry, Refused):
            refused[index] = entry
            continue
        texts[index] = entry
        size += len(entry)
        if size >= BATCH_BYTES or len(texts) >= BATCH_LISTINGS:
            yield _batch(texts)
            texts, size = {}, 0
    if texts:
        yield _batch(texts)


def _batch(texts: Mapping[int, bytes]) -> pl.DataFrame:
    raw = pl.Series("raw", list(texts.values()), dtype=pl.Binary).cast(pl.String)
    return pl.DataFrame([pl.Series("index", list(texts), dtype=pl.UInt32), raw])


def _inflated(content: bytes, *, intake: Intake) -> bytearray:
    """Unpack gzip, counting while it inflates, so that a bomb never gets larger than the limit."""
    view, text, begin = memoryview(content), bytearray(), 0
    while begin < len(view) and not _PADDING.fullmatch(view, begin):
        if bytes(view[begin : begin + 2]) != _GZIP:
            raise UnreadableFile(f"has {len(view) - begin:,} bytes after the end of its gzip data")
        begin = _inflate_member(view, begin, text, limit=intake.max_file_bytes)
    if text.startswith(_GZIP):
        raise UnreadableFile("is gzip inside gzip, expected JSON inside")
    return text


def _inflate_member(view: memoryview, begin: int, text: bytearray, *, limit: int) -> int:
    """Append one member's content to the text; give the byte after it."""
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    while not inflater.eof:
        if begin >= len(view):
            raise UnreadableFile("is cut off: its gzip data has no end")
        step = view[begin : begin + _INFLATED_AT_ONCE]
        try:
            text += inflater.decompress(step, limit + 1 - len(text))
        except zlib.error as error:
            raise UnreadableFile(f"is damaged gzip: {error}") from error
        if len(text) > limit:
            raise UnreadableFile(f"inflates to more than {limit:,} bytes")
        begin += len(step) - len(inflater.unused_data)
    return begin


def _check_beginning(text: memoryview) -> None:
    """Tell the commonest mistakes apart before anything is parsed."""
    if bytes(text[:2]) in _WIDE_MARKS or 0 in text[:4]:
        raise UnreadableFile("is UTF-16 or UTF-32, expected UTF-8")
    first = _VISIBLE.search(text)
    if first is None:
        raise UnreadableFile("is blank")
    beginning = bytes(text[first.start() : first.start() + SHOWN])
    if beginning[:1] == b"[":
        raise UnreadableFile("is a list, expected an object with the list 'events' in it")
    if beginning[:1] != b"{":
        raise UnreadableFile(f"is not JSON: begins with {shown(beginning.decode(errors='replace'))}")


def _top(text: memoryview, lists: list[Entries], *, intake: Intake) -> dict[str, Json]:
    """Parse the file without its lists; in their place stands ``[n]``, n being the number of the list."""
    size = len(text) - sum(entries.end - entries.begin for entries in lists)
    if size > intake.max_listing_bytes:
        raise UnreadableFile(
            f"has {size:,} bytes beside its lists, expected at most {intake.max_listing_bytes:,}"
        )
    skeleton = _skeleton(text, lists)
    depth, entries = measure(skeleton)
    if depth > intake.max_depth:
        raise UnreadableFile(f"is nested {depth:,} levels deep, expected at most {intake.max_depth:,}")
    if entries > intake.max_keys:
        raise UnreadableFile(f"has {entries:,} keys beside its lists, expected at most {intake.max_keys:,}")
    top = read_json(skeleton)
    if not isinstance(top, dict) or len(lists) != sum(isinstance(member, list) for member in top.values()):
        raise UnreadableFile("has the same key twice at its top level")
    return top


def _skeleton(text: memoryview, lists: list[Entries]) -> bytes:
    parts: list[bytes | memoryview] = []
    at = 0
    for number, entries in enumerate(lists):
        parts += [text[at : entries.begin], b"%d" % number]
        at = entries.end
    return b"".join([*parts, text[at:]])


def _number_of_events(top: dict[str, Json]) -> int:
    match top.get("events", top):
        case [int(number)]:
            return number
        case dict() if "events" not in top:
            keys = ", ".join(shown(key) for key in list(top)[:5])
            raise UnreadableFile(f"has no list 'events' at its top level, only {keys or 'nothing'}")
        case found:
            raise UnreadableFile(f"has no list 'events': found {shown(found)}")


def _check(text: memoryview, entries: Entries, *, intake: Intake) -> None:
    """Read a list that nobody uses, to know that the file is JSON."""
    for _ in _read(text, entries, name="entry beside the listings", intake=intake):
        pass


def _read(
    text: memoryview, entries: Entries, *, name: str, intake: Intake
) -> Iterator[tuple[int, bytes | Refused]]:
    """Read the entries of a list one by one (a loop, because each is refused alone), with their indexes.

    Raises:
        UnreadableFile: an entry is not UTF-8 or not JSON.
    """
    if not _VISIBLE.search(text, entries.begin, entries.end):
        return
    for index, (begin, end) in enumerate(entries):
        try:
            yield index, read_listing(text[begin:end], intake=intake)
        except UnreadableFile as error:
            raise UnreadableFile(f"{error} ({name} {index}, from byte {begin:,})") from error


def _processed_at(metadata: Json) -> str | None:
    """Read ``processedAt``; a time without a zone is taken as UTC."""
    given = metadata.get("processedAt") if isinstance(metadata, dict) else None
    if not isinstance(given, str):
        return None
    try:
        moment = datetime.fromisoformat(given)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
