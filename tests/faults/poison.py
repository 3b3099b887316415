"""The catalogue of poison: every kind of bad file and bad listing that has to stop at the door, with what is expected.

It is data for several tests: the core's own, and those that send the same files through a real database. A poisoned
listing always stands between two good ones, which must go in.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

GOOD: Final = ("good-before", "good-after")
MEBIBYTE: Final = 1 << 20
CAP: Final = 64 * MEBIBYTE
"""The shipped policy's limit of a file's size; the catalogue is written for the shipped policy."""

Listing = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileRefused:
    """The whole file is refused; the reason contains this."""

    reason: str


@dataclass(frozen=True, slots=True)
class ListingRefused:
    """The listing at the index is refused alone; the reason contains this."""

    field: str | None
    reason: str
    index: int = 1


@dataclass(frozen=True, slots=True)
class Poison:
    """One kind of poison.

    content: makes the file's bytes; a function, because some are large.
    refused: what is refused.
    accepted: the ids that go in, in order.
    duplicates: listings that are dropped because an equal one stands further down.
    """

    name: str
    content: Callable[[], bytes]
    refused: FileRefused | Sequence[ListingRefused]
    accepted: Sequence[str] = GOOD
    duplicates: int = 0


def listing(listing_id: str | int = "poison", **fields: object) -> Listing:
    """Make a good listing, or one with other fields; ``...`` leaves a field out."""
    good: Listing = {
        "id": listing_id,
        "title": "Fasnetumzug Waldkirch",
        "description": "Über 40 Gruppen ziehen durch die Stadt 🎭",
        "event_dates": [{"date": "2026-02-12", "start_time": "14:11", "end_time": None, "end_date": None}],
        "location": {
            "name": "Marktplatz",
            "city": "Waldkirch",
            "geo": {"latitude": 48.09, "longitude": 7.96},
        },
        "categories": ["fasnacht"],
        "_batch_index": 0,
    }
    return {name: value for name, value in (good | fields).items() if value is not ...}


def on(**occurrence: object) -> list[Listing]:
    """Make ``event_dates`` whose second entry is the poisoned one."""
    return [{"date": "2026-02-12"}, {"date": "2026-02-12", **occurrence}]


def file_of(*listings: object) -> bytes:
    """Write a file in the input format. Python's writer gives NaN and lone surrogates as upstreams do."""
    return json.dumps({"events": listings, "rejected": [], "metadata": {"sourceKey": "bwb.pdf"}}).encode()


def around(poisoned: bytes) -> bytes:
    """Put one listing, given as its bytes, between two good ones."""
    before, after = (json.dumps(listing(good)).encode() for good in GOOD)
    return b'{"events": [' + before + b", " + poisoned + b", " + after + b'], "metadata": {}}'


def written(value: object) -> bytes:
    """Write one listing as JSON."""
    return json.dumps(value).encode()


def compressed(*parts: bytes) -> bytes:
    """Compress without ever holding the whole content."""
    packer = zlib.compressobj(level=1, wbits=31)
    return b"".join([*(packer.compress(part) for part in parts), packer.flush()])


def of_file(name: str, content: Callable[[], bytes] | bytes, reason: str) -> Poison:
    """Describe a file that is refused as a whole."""
    return Poison(name, content if callable(content) else lambda: content, FileRefused(reason), accepted=())


def of_listing(name: str, poisoned: object, field: str | None, reason: str) -> Poison:
    """Describe a listing that is refused alone; bytes stand for themselves, all else is written as JSON."""
    piece = poisoned if isinstance(poisoned, bytes) else written(poisoned)
    return Poison(name, lambda: around(piece), [ListingRefused(field, reason)])


FILES: Final = [
    of_file("an empty file", b"", "is empty"),
    of_file("a blank file", b" \r\n\t " * 100, "is blank"),
    of_file("a page of HTML", b"<!DOCTYPE html><p>502 Bad Gateway</p>", "begins with '<!DOCTYPE html>"),
    of_file("a PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "begins with '%PDF-1.7"),
    of_file("UTF-16 with its mark", file_of(listing()).decode().encode("utf-16"), "UTF-16 or UTF-32"),
    of_file("UTF-16 without a mark", file_of(listing()).decode().encode("utf-16-be"), "UTF-16 or UTF-32"),
    of_file("Latin-1", '{"events": [{"title": "Bücher"}]}'.encode("latin-1"), "is not UTF-8: byte 0xfc"),
    of_file("a surrogate in UTF-8", b'{"events": [{"title": "\xed\xa0\x80"}]}', "is not UTF-8"),
    of_file("cut off in the middle", file_of(listing())[:-80], "is cut off"),
    of_file("cut off in a text", file_of(listing())[:40], "is cut off"),
    of_file("a list at the top", written([listing()]), "is a list"),
    of_file("a text at the top", b'"events"', "begins with '\"events\"'"),
    of_file("no events", b'{"listings": [], "metadata": {}}', "only 'listings', 'metadata'"),
    of_file("events null", b'{"events": null}', "found null"),
    of_file("events an object", b'{"events": {"0": {}}}', "found an object"),
    of_file("events twice", b'{"events": [{}], "events": []}', "the same key twice"),
    of_file("two files in one", file_of(listing("a")) + b"\n" + file_of(listing("b")), "is not JSON"),
    of_file("a comma too much", b'{"events": [{"id": "a"},]}', "is not JSON"),
    of_file("a comma too few", b'{"events": [{"id": "a"} {"id": "b"}]}', "is not JSON"),
    of_file("brackets crossed", b'{"events": [{"id": "a"]}}', "is not JSON"),
    of_file("a bracket too much", b'{"events": []}}', "is not JSON"),
    of_file("a raw line break in a text", b'{"events": [{"id": "a\nb"}]}', "unexpected control character"),
    of_file("rejected is no JSON", b'{"events": [], "rejected": [{"why": }]}', "entry beside the listings 0"),
    of_file("100,000 levels at the top", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested 100,000 levels"),
    of_file("100,000 levels never closed", b'{"events":' + b"[" * 100_000, "is cut off"),
    of_file("one million keys at the top", lambda: _object_of(10**6), "bytes beside its lists"),
    of_file(
        "one million listings", lambda: b'{"events": [' + b"{}," * 10**6 + b"{}]}", "entries in its lists"
    ),
    of_file("a file over the limit", lambda: b" " * (CAP + 1), "is 67,108,865 bytes long"),
    of_file("gzip cut off", lambda: gzip.compress(file_of(listing()))[:-9], "its gzip data has no end"),
    of_file("gzip damaged", lambda: _flipped(gzip.compress(file_of(listing()))), "is damaged gzip"),
    of_file(
        "gzip with more behind it", lambda: gzip.compress(file_of(listing())) + b"x", "1 bytes after the end"
    ),
    of_file("gzip in gzip", lambda: gzip.compress(gzip.compress(file_of(listing()))), "gzip inside gzip"),
    of_file(
        "a gzip bomb", lambda: compressed(*[bytes(MEBIBYTE)] * 1024), "inflates to more than 67,108,864 bytes"
    ),
    of_file(
        "a gzip bomb of many members",
        lambda: compressed(bytes(MEBIBYTE)) * 1024,
        "inflates to more than 67,108,864",
    ),
]

LISTINGS: Final = [
    of_listing("a number for a listing", 5, None, "found 5, expected an object"),
    of_listing("null for a listing", None, None, "found null, expected an object"),
    of_listing("a list for a listing", [listing()], None, "found a list of 1, expected an object"),
    of_listing("U+0000 in a text", listing(title="Fas\x00net"), "title", "the character U+0000"),
    of_listing("U+0000 in the id", listing("pdf\x00-1"), "id", "the character U+0000"),
    of_listing("half a surrogate pair in the id", listing("pdf\udfad-1"), "id", "half of a surrogate pair"),
    of_listing("U+0000 in an unknown field", listing(_deep={"a": ["x", "\x00"]}), "_deep.a.1", "U+0000"),
    of_listing(
        "U+0000 in a key", listing(**{"a\x00b": 1}), "a\\x00b", "found a key with the character U+0000"
    ),
    of_listing(
        "half a surrogate pair", listing(description="\ud83c"), "description", "half of a surrogate pair"
    ),
    of_listing("half a pair in a key", listing(_x={"\udfad": 1}), "_x.\\udfad", "found a key with half of"),
    of_listing("NaN", listing(confidence_score=float("nan")), "confidence_score", "found NaN"),
    of_listing("infinity", listing(_score=[float("-inf")]), "_score.0", "found -Infinity"),
    of_listing("1e999", written(listing(_n="!")).replace(b'"!"', b"1e999"), "_n", "found Infinity"),
    of_listing("5,000 digits", written(listing(_n="!")).replace(b'"!"', b"9" * 5000), "_n", "found Infinity"),
    of_listing("100,000 levels", b"[" * 100_000 + b"]" * 100_000, None, "is nested 100,000 levels deep"),
    of_listing(
        "100,000 levels in an unknown field",
        written(listing(_deep="!")).replace(b'"!"', b'{"a":' * 10**5 + b"1" + b"}" * 10**5),
        None,
        "is nested 100,001 levels deep",
    ),
    Poison(
        "one million keys",
        lambda: around(_object_of(10**6)),
        [ListingRefused(None, "bytes long, expected at most 1,000,000")],
    ),
    of_listing(
        "20,000 keys",
        listing(_x={f"k{n}": n for n in range(20_000)}),
        None,
        "keys and list entries, expected at most",
    ),
    of_listing("no id", listing(id=...), "id", "is missing"),
    of_listing("an empty id", listing(""), "id", "found ''"),
    of_listing("an id on two lines", listing("a\nb"), "id", "found 'a\\nb'"),
    of_listing("an id of 201 characters", listing("x" * 201), "id", "text of 1 to 200 characters"),
    of_listing("an id that is true", listing(id=True), "id", "found true"),
    of_listing("no title", listing(title=...), "title", "is missing"),
    of_listing("a blank title", listing(title=" \u200b\t"), "title", "text that is not blank"),
    of_listing("a title that is a number", listing(title=1984), "title", "found 1984"),
    of_listing(
        "a text of 100,001 characters", listing(description="ü" * 100_001), "description", "found 100001"
    ),
    of_listing("a flag in words", listing(admission_free="ja"), "admission_free", "found 'ja'"),
    of_listing("a flag that is 1", listing(is_family_event=1), "is_family_event", "found 1"),
    of_listing("categories in one text", listing(categories="fasnacht"), "categories", "a list of texts"),
    of_listing("a category that is a number", listing(categories=["a", 5]), "categories.1", "found 5"),
    of_listing(
        "a confidence of 85", listing(confidence_score=85), "confidence_score", "a number from 0 to 1"
    ),
    of_listing("a place in one text", listing(location="Marktplatz"), "location", "found 'Marktplatz'"),
    of_listing(
        "latitude 91",
        listing(location={"geo": {"latitude": 91, "longitude": 8}}),
        "location.geo.latitude",
        "found 91",
    ),
    of_listing(
        "longitude -181",
        listing(location={"geo": {"latitude": 48, "longitude": -181}}),
        "location.geo.longitude",
        "found -181",
    ),
    of_listing(
        "coordinates in words",
        listing(location={"geo": {"latitude": "48,09", "longitude": "7,96"}}),
        "location.geo.latitude",
        "found '48,09'",
    ),
    of_listing("no dates", listing(event_dates=...), "event_dates", "is missing"),
    of_listing("an empty list of dates", listing(event_dates=[]), "event_dates", "found a list of 0"),
    of_listing("null for a date", listing(event_dates=[None]), "event_dates.0", "found null"),
    of_listing(
        "a date without a day", listing(event_dates=on(date=None)), "event_dates.1.date", "found null"
    ),
    of_listing(
        "30 February", listing(event_dates=on(date="2026-02-30")), "event_dates.1.date", "'2026-02-30'"
    ),
    of_listing(
        "a German date", listing(event_dates=on(date="12.02.2026")), "event_dates.1.date", "YYYY-MM-DD"
    ),
    of_listing(
        "a number for a date", listing(event_dates=on(date=20260212)), "event_dates.1.date", "20260212"
    ),
    of_listing(
        "the year 0000", listing(event_dates=on(date="0000-01-01")), "event_dates.1.date", "1900 to 2100"
    ),
    of_listing(
        "the year 9999", listing(event_dates=on(date="9999-12-31")), "event_dates.1.date", "1900 to 2100"
    ),
    of_listing(
        "the end before the start",
        listing(event_dates=on(end_date="2026-02-11")),
        "event_dates.1.end_date",
        "no day before the date",
    ),
    of_listing(
        "twenty years long",
        listing(event_dates=on(end_date="2046-02-12")),
        "event_dates.1.end_date",
        "1,100 days",
    ),
    of_listing(
        "10,000 dates", listing(event_dates=[{"date": "2026-02-12"}] * 10_000), None, "keys and list entries"
    ),
    of_listing(
        "1,001 dates",
        listing(event_dates=[{"date": "2026-02-12"}] * 1_001),
        "event_dates",
        "at most 1,000 dates",
    ),
    of_listing("99:99", listing(event_dates=on(start_time="99:99")), "event_dates.1.start_time", "'99:99'"),
    of_listing(
        "half past 29 and over",
        listing(event_dates=on(end_time="30:00")),
        "event_dates.1.end_time",
        "'30:00'",
    ),
    of_listing(
        "a number for a time", listing(event_dates=on(start_time=20)), "event_dates.1.start_time", "found 20"
    ),
    Poison(
        "an id twice with other content",
        lambda: file_of(listing("a"), listing("b"), listing("a", title="Umzug")),
        [ListingRefused("id", "again at index 2", index=0)],
        accepted=["b", "a"],
    ),
]

INJECTIONS: Final[Mapping[str, str]] = {
    "HTML": "<script>alert(1)</script><img src=x onerror='alert(1)'>&lt;b&gt;",
    "SQL": "'; DROP TABLE source_events; -- \" $1 %s {0} \\",
    "COPY": '\\N\tnull\\."quoted",\r\n,comma;',
}


def injected(text: str) -> Listing:
    """Put a text in every field that takes text."""
    return {
        **dict.fromkeys(
            ("title", "short_description", "description", "source_type", "registration_contact", "_unknown"),
            text,
        ),
        "id": f"injected {text}".replace("\r\n", " ").replace("\t", " "),
        "highlights": [text, f"{text}2"],
        "categories": [text],
        "event_dates": [{"date": "2026-02-12", "start_time": text, "end_time": text}],
        "location": {
            **dict.fromkeys(("name", "city", "district", "street", "street_no", "zipcode"), text),
            "_sanitizeResult": {"city": text, "district": text, "confidence": 1},
            "geo": {"latitude": 48.09, "longitude": 7.96, "confidence": 1, "country": text},
        },
        text: text,
    }


HARMLESS: Final = [
    Poison("a UTF-8 byte order mark", lambda: b"\xef\xbb\xbf" + around(written(listing())), [], ["good-before", "poison", "good-after"]),
    Poison("gzip", lambda: gzip.compress(around(written(listing()))), [], ["good-before", "poison", "good-after"]),
    Poison("gzip in two members, padded", lambda: _in_two(around(written(listing()))) + bytes(512), [], ["good-before", "poison", "good-after"]),
    Poison("no listings", lambda: b'{"events": [ ], "metadata": null}', [], []),
    Poison("an equal listing twice", lambda: file_of(listing("a"), listing("b"), listing("a")), [], ["b", "a"], duplicates=1),
    *(
        Poison(f"{name} in every text", lambda text=text: file_of(injected(text)), [], [injected(text)["id"]])  # type: ignore[misc]
        for name, text in INJECTIONS.items()
    ),
]  # fmt: skip
"""What looks dangerous and has to go in as it is."""

POISONS: Final = [*FILES, *LISTINGS, *HARMLESS]

BOMBS: Final[Mapping[str, Callable[[], bytes]]] = {
    "a gzip bomb": lambda: compressed(*[bytes(MEBIBYTE)] * 1024),
    "a gzip bomb of brackets": lambda: compressed(b'{"events":[', *[b"[" * MEBIBYTE] * 63),
    "thirty million levels": lambda: around(b"[" * 30 * MEBIBYTE + b"]" * 30 * MEBIBYTE),
    "three million keys": lambda: around(_object_of(3 * 10**6)),
    "twenty million empty lists": lambda: around(b'{"a":[' + b"[]," * 20 * MEBIBYTE + b"[]]}"),
    "twenty million empty listings": lambda: b'{"events":[' + b"{}," * 20 * MEBIBYTE + b"{}]}",
    "twenty million entries beside the listings": lambda: (
        b'{"events":[],"rejected":[' + b"0," * 20 * MEBIBYTE + b"0]}"
    ),
    "sixty listings of a million bytes": lambda: file_of_many(60, b'"x":[' + b"[]," * 330_000 + b"[]]"),
    "as many empty listings as are allowed": lambda: b'{"events":[' + b"{}," * 199_999 + b"{}]}",
    "one text of sixty million emoji bytes": lambda: around(
        b'{"title":"' + "🎭".encode() * 15 * MEBIBYTE + b'"}'
    ),
    "sixty million backslashes": lambda: around(b'"' + b"\\" * 60 * MEBIBYTE + b'"'),
}
"""Files up to the limit, made to take many times their size in memory."""


LARGEST: Final[Mapping[str, Callable[[], bytes]]] = {
    "as many empty listings as are allowed": BOMBS["as many empty listings as are allowed"],
    "sixty listings of a million bytes, all good": lambda: file_of_many(60, b'"x":"' + b"a" * 990_000 + b'"'),
    "sixty listings of a million bytes, all refused": lambda: (
        b'{"events":[' + b",".join([b'{"x":"' + b"a" * 990_000 + b'"}'] * 60) + b"]}"
    ),
    "sixty listings of a million bytes with an emoji, all refused": lambda: (
        b'{"events":[' + b",".join(['{"x":"🎭'.encode() + b"a" * 990_000 + b'"}'] * 60) + b"]}"
    ),
}
"""Files up to the limit of which all that came is written down."""


def file_of_many(count: int, member: bytes) -> bytes:
    """Write many listings that differ in their ids only."""
    listings = (written(listing(str(number)))[:-1] + b"," + member + b"}" for number in range(count))
    return b'{"events":[' + b",".join(listings) + b"]}"


def _object_of(keys: int) -> bytes:
    return b"{" + b",".join(b'"k%d":%d' % (number, number) for number in range(keys)) + b"}"


def _flipped(content: bytes) -> bytes:
    """Change a bit of the checksum."""
    return content[:-8] + bytes([content[-8] ^ 1]) + content[-7:]


def _in_two(content: bytes) -> bytes:
    return gzip.compress(content[:100]) + gzip.compress(content[100:])
