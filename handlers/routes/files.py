"""Routes of files: what became of each file, which of its listings were refused and why, and which events hold the others."""

from http import HTTPStatus
from typing import Annotated, Final, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.request import Request

from handlers import ledger, wiring
from handlers.answers import problem, tagged
from handlers.declaring import declared, many, one
from handlers.filters import storable

router = Router()

Number = Annotated[int, Path(ge=1, lt=2**63)]
Before = Annotated[
    int | None, Query(ge=1, lt=2**63, description="Only lower numbers: `next` of the page before.")
]
Limit = Annotated[int, Query(ge=1, le=200)]
FileStatus = Literal["stored", "duplicate", "quarantined", "replayed"]

NEXT: Final = {
    "type": ["integer", "null"],
    "description": "What to ask with for the next page; null at the end.",
}
FILE: Final = {
    "type": "object",
    "required": ["file_id", "bucket", "key", "status", "reason", "listings", "stored", "unchanged", "superseded", "rejected", "received_at"],
    "properties": {
        "file_id": {"type": "integer"},
        "status": {"enum": ["stored", "duplicate", "quarantined", "replayed"]},
        "reason": {"type": ["string", "null"]},
        "received_at": {"type": "string", "format": "date-time"},
    },
}  # fmt: skip
REFUSED: Final = {
    "type": "object",
    "required": ["rejection_id", "index", "listing_id", "field", "reason"],
    "properties": {
        "index": {"type": ["integer", "null"], "description": "From 0; null: the whole file."},
        "field": {"type": ["string", "null"]},
        "reason": {"type": "string"},
    },
}
WHOLE: Final = {
    **FILE,
    "required": [*FILE["required"], "receipt", "rejections", "events", "awaiting_review"],
    "properties": {
        **FILE["properties"],  # type: ignore[dict-item]
        "receipt": {"type": ["object", "null"], "description": "Its key, and when it was written: null if it is still due."},
        "rejections": many(REFUSED),
        "events": many({"type": "object"}),
        "awaiting_review": many({"type": "string"}),
    },
}  # fmt: skip


@router.get("/files", tags=["files"], **declared("reader", one(files=many(FILE), next=NEXT), 304))
def list_files(
    request: Request,
    status: Annotated[FileStatus | None, Query()] = None,
    source: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    before: Before = None,
    limit: Limit = 50,
) -> Response[str]:
    """List files, newest first."""
    page = ledger.list_files(
        wiring.for_api(), before=before, status=status, source=storable(source), limit=limit
    )
    return tagged(request, {"files": page.items, "next": page.next})


@router.get("/files/<file_id>", tags=["files"], **declared("reader", WHOLE, 304, 404))
def show_file(request: Request, file_id: Number) -> Response[str]:
    """Show a file: its counts, the first 200 listings that were refused, its receipt, and the first 1,000 events that hold its listings."""
    prefix = wiring.settings().receipts_prefix
    file = ledger.show_file(wiring.for_api(), file_id, receipts_prefix=prefix)
    return _no_file() if file is None else tagged(request, file)


@router.get(
    "/files/<file_id>/rejections",
    tags=["files"],
    **declared("reader", one(rejections=many(REFUSED), next=NEXT), 304, 404),
)
def list_rejections(
    request: Request,
    file_id: Number,
    behind: Annotated[int, Query(ge=0, lt=2**63, description="`next` of the page before.")] = 0,
    limit: Limit = 200,
) -> Response[str]:
    """List the listings of a file that were refused, in its order, each with field and reason."""
    page = ledger.list_rejections(wiring.for_api(), file_id, behind=behind, limit=limit)
    return _no_file() if page is None else tagged(request, {"rejections": page.items, "next": page.next})


def _no_file() -> Response[str]:
    return problem(HTTPStatus.NOT_FOUND, "there is no file of this number")
