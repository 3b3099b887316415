"""Receipts: tell who sent a file what became of it, beside its results: counts, what was refused and why, canonical ids, what awaits review.

A receipt is written when the file is matched, or at once if it changed nothing. Which ones are due is read from the database, so whoever comes
by writes them: ingest, match, and the sweep for those that a crash left.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, Protocol

import orjson
from aws_lambda_powertools import Logger

from handlers import wiring
from handlers.failures import described
from infra.store.receipts import Receipt

AT_ONCE: Final = 50
"""Receipts that are read, written and noted together."""

ROUNDS: Final = 10
"""Of so many, in one call: a function that finds a great backlog leaves the rest to the next one."""

KEY_BYTES: Final = 1024
"""Of a key in S3, at most."""


class ReceiptStore(Protocol):
    """What receipts ask of the store."""

    def receipts_due(self, *, limit: int) -> list[Receipt]:
        """List the receipts that are to be written, oldest file first."""

    def receipts_written(self, file_ids: Sequence[int]) -> None:
        """Note that the receipts of files were written."""


class Writing(Protocol):
    """What receipts ask of the place where results lie."""

    def write(self, bucket: str, key: str, content: bytes, *, content_type: str) -> None:
        """Write an object."""


def write_those_due(logger: Logger) -> None:
    """Write the receipts that are due. A failure is logged and nothing more: the work that they tell of is done, and the sweep writes them."""
    try:
        written = write_receipts(wiring.for_receipts())
    except Exception as error:  # whatever it was
        logger.error("receipts_failed", extra={"errors": 1, **described(error)})
        return
    if written:
        logger.info("receipts_written", extra={"receipts": written})


def write_receipts(parts: wiring.ReceiptParts) -> int:
    """Write receipts that are due; returns how many.

    A second run finds none. A crash leaves receipts that are written but not noted, and written once more with what is true then.
    """
    store: ReceiptStore = parts.store
    count = 0
    for _ in range(ROUNDS):
        if not (due := store.receipts_due(limit=AT_ONCE)):
            break
        objects: Writing = parts.objects()
        for receipt in due:
            body = orjson.dumps(receipt.content, option=orjson.OPT_INDENT_2)
            key = receipt_key(receipt.key, parts.prefix)
            objects.write(receipt.bucket, key, body, content_type="application/json")
        store.receipts_written([receipt.file_id for receipt in due])
        count += len(due)
    return count


def receipt_key(key: str, prefix: str) -> str:
    """Name the receipt of a key; a key that leaves no room for that is named by its SHA-256."""
    named = f"{prefix}{key}.json"
    if len(named.encode()) <= KEY_BYTES:
        return named
    return f"{prefix}{hashlib.sha256(key.encode()).hexdigest()}.json"
