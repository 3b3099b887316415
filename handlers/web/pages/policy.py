"""Policy: what is in force, as YAML that tells what each part means; what another one would change; and applying what was read.

A plan runs the whole matcher, so on much data it is made at the command line. It is applied with its token: if the data moved on since, it is
not what was read, and nothing is applied.
"""

from typing import Any, Final

from dedup_core.errors import InvalidPolicy
from dedup_core.policy import Policy, parse_policy
from handlers import planning, wiring
from handlers.described import described
from handlers.planning import Plan, PlanOutdated, PlanTooLarge, PolicyMoved
from handlers.turns import Busy
from handlers.web.mounting import Shown
from handlers.web.shell import Answer, onward, page
from handlers.web.visiting import ROOT, Visit

LONGEST: Final = 200_000
"""Characters of a policy; the one in the package has some 12,000."""

MOST_SHOWN: Final = 200

FIELDS: Final = {
    "title": "Title",
    "event_dates": "When",
    "location": "Where",
    "short_description": "In short",
    "description": "Description",
    "highlights": "Highlights",
    "categories": "Categories",
    "source_type": "Kind of text",
    "is_family_event": "For families",
    "is_child_focused": "For children",
    "admission_free": "Free of charge",
    "registration_required": "Registration",
    "registration_contact": "Registration",
    "status": "Status",
    "needs_review": "needs a look",
}
"""What readers see of an event, and what it is called; a change of anything else is none to them."""


def show(visit: Visit) -> Answer:
    """Show the policy in force."""
    return _shown(visit, text=None)


def _shown(
    visit: Visit,
    *,
    text: str | None,
    plan: Plan | None = None,
    refusal: str | None = None,
    faults: str | None = None,
) -> Answer:
    now = planning.in_force(wiring.for_api(), _fallback())
    return page(
        visit,
        "policy.html",
        now=now,
        text=described(now.policy) if text is None else text,
        plan=plan,
        fields=FIELDS,
        shown=[] if plan is None else plan.changes[:MOST_SHOWN],
        refusal=refusal,
        faults=faults,
        reason=visit.sent("reason") or "",
    )


def _fallback() -> Policy:
    return wiring.policy_of(wiring.settings())


def propose(visit: Visit) -> Answer:
    """Plan what was written, or apply what was planned."""
    text = visit.sent("policy", LONGEST) or ""
    try:
        proposed = parse_policy(text, name="policy")
    except InvalidPolicy as error:
        return _shown(visit, text=text, faults=str(error))
    return _apply(visit, text, proposed) if visit.sent("do") == "apply" else _plan(visit, text, proposed)


def _plan(visit: Visit, text: str, proposed: Policy) -> Answer:
    try:
        made = planning.plan(
            wiring.for_api(), proposed, _fallback(), most_listings=planning.MOST_WHILE_WAITING
        )
    except PlanTooLarge:
        return _shown(
            visit,
            text=text,
            refusal="Too many listings to plan while you wait: use “event-dedup policy plan”.",
        )
    except Busy:
        return _shown(visit, text=text, refusal="Another plan is being made; try again in a while.")
    return _shown(visit, text=text, plan=made)


def _apply(visit: Visit, text: str, proposed: Policy) -> Answer:
    parts = wiring.for_deciding()
    asked: dict[str, Any] = {"author": visit.who.name, "reason": visit.sent("reason")}
    token, seen = visit.sent("token") or "", visit.sent("seen")
    try:
        planning.apply(
            parts.store, proposed, parts.policy, seen=seen, token=token, queue=parts.queue, **asked
        )
    except PlanOutdated:
        return _shown(visit, text=text, refusal="The data moved on since this plan was made. Plan anew.")
    except PolicyMoved:
        return _shown(visit, text=text, refusal="Another policy came into force meanwhile. Look at it first.")
    return onward(f"{ROOT}/policy?saved=yes")


SHOWN: Final = [Shown("GET", "/policy", show, asks=("saved",)), Shown("POST", "/policy", propose, "admin")]
