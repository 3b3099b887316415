"""Routes of runs: what each run of the matcher did, and how files and runs went by day."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.request import Request

from handlers import ledger, wiring
from handlers.answers import problem, tagged
from handlers.declaring import declared, many, one

router = Router()

RUN: Final = {
    "type": "object",
    "required": ["run_id", "generation", "status", "reason", "statistics", "left_out", "result_hash", "policy_version", "policy_hash", "started_at", "finished_at"],
    "properties": {
        "run_id": {"type": "integer"},
        "status": {"enum": ["done", "failed"]},
        "statistics": {"type": "object"},
        "left_out": many({"type": "object"}),
    },
}  # fmt: skip
DAY: Final = {
    "type": "object",
    "required": ["day"],
    "properties": {"day": {"type": "string", "format": "date"}},
}


@router.get(
    "/runs", tags=["runs"], **declared("reader", one(runs=many(RUN), next={"type": ["integer", "null"]}), 304)
)
def list_runs(
    request: Request,
    status: Annotated[Literal["done", "failed"] | None, Query()] = None,
    before: Annotated[
        int | None, Query(ge=1, lt=2**63, description="Only lower numbers: `next` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response[str]:
    """List runs, newest first, with their counts."""
    page = ledger.list_runs(wiring.for_api(), before=before, status=status, limit=limit)
    return tagged(request, {"runs": page.items, "next": page.next})


@router.get("/runs/trends", tags=["runs"], **declared("reader", one(files=many(DAY), runs=many(DAY)), 304))
def show_trends(request: Request, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Response[str]:
    """Show files and runs by day (UTC), oldest first: listings, what was refused, failures, and the counts of the day's last run."""
    return tagged(request, ledger.trends(wiring.for_api(), now=datetime.now(UTC), days=days))


@router.get("/runs/<run_id>", tags=["runs"], **declared("reader", RUN, 304, 404))
def show_run(request: Request, run_id: Annotated[int, Path(ge=1, lt=2**62)]) -> Response[str]:
    """Show a run: its counts, which policy it had, and the blocks that it left out."""
    run = ledger.show_run(wiring.for_api(), run_id)
    return (
        problem(HTTPStatus.NOT_FOUND, "there is no run of this number")
        if run is None
        else tagged(request, run)
    )
