"""Routes of the policy: what is in force and was, what another one would change, and putting it in force.

Who applies says which policy he saw (If-Match) and, if he read a plan, of which plan: what moved on since is not overwritten.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.request import Request
from pydantic import BaseModel, ConfigDict, Field

from handlers import planning, wiring
from handlers.access import who
from handlers.answers import answered, busy, problem, tagged
from handlers.declaring import Schema, declared, many, one
from handlers.planning import FieldFaults, PlanOutdated, PlanTooLarge, PolicyMoved
from handlers.turns import Busy
from infra.store import policies

router = Router()

HASH: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
APPLIED: Final[Schema] = {
    "type": ["object", "null"],
    "description": "Who applied it, when and why; null: it is the one of the file or of the package.",
}
IN_FORCE: Final = one(policy={"type": "object"}, hash=HASH, applied=APPLIED)
PLANNED: Final = one(
    token={
        "type": "string",
        "description": "Apply with it, and nothing is applied once the data has moved on.",
    },
    base={"type": "integer"},
    pending={
        "type": "boolean",
        "description": "Whether data came since the last run: it is in the plan, too.",
    },
    policy_hash=HASH,
    hash_in_force=HASH,
    result_hash=HASH,
    counts={"type": "object"},
    shown={"type": "integer"},
    of={"type": "integer"},
    changes=many({"type": "object"}),
)
APPLICATION: Final = one(
    policy_id={
        "type": ["integer", "null"],
        "description": "Null: it was in force already, and nothing was done.",
    },
    policy_hash=HASH,
    generation={"type": "integer", "description": "The run that takes it in has this one."},
)
VERSION: Final = one(
    policy_id={"type": "integer"},
    policy_hash=HASH,
    author={"type": "string"},
    reason={"type": ["string", "null"]},
)


class Proposal(BaseModel):
    """A policy that somebody proposes."""

    model_config = ConfigDict(extra="forbid")

    policy: dict[str, Any] = Field(description="The whole document, as GET /policy gives it.")
    token: str | None = Field(None, max_length=200, description="Of the plan that was read.")
    reason: str | None = Field(None, max_length=2000, pattern=r"^[^\x00]*$")


@router.get("/policy", tags=["policy"], **declared("reader", IN_FORCE, 304))
def show_policy(request: Request) -> Response[str]:
    """Show the policy that the next run has. Its ETag is its hash: what If-Match of PUT has to say."""
    parts = wiring.for_deciding()
    now = planning.in_force(parts.store, parts.policy)
    etag = f'"{now.policy.hash}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in _tags(request, "if-none-match"):
        return Response(int(HTTPStatus.NOT_MODIFIED), body="", headers={**headers})
    body = {"policy": now.policy.model_dump(mode="json"), "hash": now.policy.hash, "applied": _applied(now)}
    return answered(body, headers=headers)


def _applied(now: planning.InForce) -> dict[str, Any] | None:
    if now.applied is None:
        return None
    return {name: getattr(now.applied, name) for name in ("policy_id", "author", "reason", "at")}


def _tags(request: Request, header: str) -> list[str]:
    return [each.strip() for each in request.headers.get(header, "").split(",") if each.strip()]


@router.post("/policy/plan", tags=["policy"], **declared("editor", PLANNED, 413, 503))
def plan_policy(
    proposal: Annotated[Proposal, Body()],
    limit: Annotated[
        int, Query(ge=0, le=1000, description="Changes that are listed; all are counted.")
    ] = 200,
) -> Response[str]:
    """Work out which published events a policy would merge, split, change, bring or take away; nothing is written. For up to 20,000 listings (413)."""
    parts = wiring.for_deciding()
    proposed = planning.read_document(proposal.policy)
    planned = planning.plan(parts.store, proposed, parts.policy, most_listings=planning.MOST_WHILE_WAITING)
    return answered(planning.as_json(planned, most=limit))


@router.put("/policy", tags=["policy"], **declared("admin", APPLICATION, 409, 412, 428))
def apply_policy(request: Request, proposal: Annotated[Proposal, Body()]) -> Response[str]:
    """Put a policy in force from the next run on, which is announced. If-Match: the hash of the policy that it takes the place of."""
    seen = _tags(request, "if-match")
    if not seen:
        return problem(HTTPStatus.PRECONDITION_REQUIRED, "If-Match is needed: the ETag of GET /policy")
    if len(seen) > 1:
        return problem(HTTPStatus.PRECONDITION_FAILED, "one policy is in force, so If-Match has one tag")
    parts = wiring.for_deciding()
    done = planning.apply(
        parts.store,
        planning.read_document(proposal.policy),
        parts.policy,
        author=who(request).name,
        reason=proposal.reason,
        seen=None if seen == ["*"] else seen[0].strip('"'),
        token=proposal.token,
        queue=parts.queue,
    )
    return answered(done, headers={"ETag": f'"{done.policy_hash}"'})


@router.get(
    "/policy/versions",
    tags=["policy"],
    **declared("reader", one(versions=many(VERSION), next={"type": ["integer", "null"]}), 304),
)
def list_versions(
    request: Request,
    before: Annotated[int | None, Query(ge=1, lt=2**63, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response[str]:
    """List the policies that were applied, newest first: who, when and why."""
    with wiring.for_deciding().store.reading() as connection:
        found = policies.list_policies(connection, before=before, limit=limit + 1)
    onward = found[limit - 1]["policy_id"] if len(found) > limit else None
    return tagged(request, {"versions": found[:limit], "next": onward})


@router.get(
    "/policy/versions/<policy_id>",
    tags=["policy"],
    **declared("reader", one(policy={"type": "object"}), 304, 404),
)
def show_version(request: Request, policy_id: Annotated[int, Path(ge=1, lt=2**63)]) -> Response[str]:
    """Show a policy that was applied, as it was written."""
    with wiring.for_deciding().store.reading() as connection:
        document = policies.document_of(connection, policy_id)
    if document is None:
        return problem(HTTPStatus.NOT_FOUND, "there is no policy of this number")
    return tagged(request, {"policy": document})


@router.exception_handler(FieldFaults)
def wrong_policy(error: FieldFaults) -> Response[str]:
    """Answer for a policy that breaks rules: each field by its path."""
    wrong = [{"parameter": f"policy.{path}", "reason": reason} for path, reason in error.faults]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the policy breaks rules", errors=wrong)


@router.exception_handler(PolicyMoved)
def moved(error: PolicyMoved) -> Response[str]:
    """Answer for a policy that was seen and is in force no longer."""
    return problem(HTTPStatus.PRECONDITION_FAILED, str(error))


@router.exception_handler(PlanOutdated)
def outdated(error: PlanOutdated) -> Response[str]:
    """Answer for a plan that no longer holds."""
    return problem(HTTPStatus.CONFLICT, str(error))


router.exception_handler(Busy)(busy)


@router.exception_handler(PlanTooLarge)
def too_large(error: PlanTooLarge) -> Response[str]:
    """Answer for more listings than can be planned while someone waits."""
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
