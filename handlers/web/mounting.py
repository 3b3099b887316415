"""Mounting: the page's views as routes of the API's app, so that Lambda and `event-dedup serve` have them alike.

Each view says who may see it. Who has no key is led to the door; a form without its token is refused, whoever sends it.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.request import Request

from handlers.access import READING, Caller, note_refusal
from handlers.declaring import Least, declared
from handlers.failures import described
from handlers.turns import Busy
from handlers.web.shell import Answer, onward, page, sent
from handlers.web.visiting import CSRF, ROOT, SESSION, Visit, Visitor, link, visited

logger = Logger(service="api", child=True)
View = Callable[[Visit], Answer]


@dataclass(frozen=True, slots=True)
class Shown:
    """A view and its way in. rule: below the page's root, with places such as ``<event_id>``; asks: the parameters that it knows."""

    method: str
    rule: str
    view: View
    least: Least = "reader"
    asks: tuple[str, ...] = ()


class Missing(LookupError):  # noqa: N818
    """There is no such thing; answered with a page that says so."""


class Refused(ValueError):  # noqa: N818
    """What was sent can't be taken; its text says why to the visitor."""


def mount(router: Router, shown: Shown, recognise: Callable[[str], Visitor | None]) -> None:
    """Make a view a route. recognise: tells who has a key, or null.

    The route itself is open to anyone: the door is the page's own, as browsers send cookies and no header.
    """
    # The app hands on only what a route declares as validated; these are texts, which each view reads for itself.
    places = re.compile(ROOT + re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", shown.rule))

    def answer(request: Request) -> Response[Any]:
        found = places.fullmatch(request.resolved_event.path)
        return respond(shown, visited(request, found.groupdict() if found else {}), recognise)

    security = declared("anyone", None)["security"]
    router.route(ROOT + shown.rule, method=[shown.method], security=security, include_in_schema=False)(answer)


def respond(shown: Shown, visit: Visit, recognise: Callable[[str], Visitor | None]) -> Response[Any]:
    """Answer a visit: let in, look, and put what went wrong into a page."""
    key = visit.cookies.get(SESSION)
    visit = replace(visit, visitor=recognise(key) if key else None)
    try:
        answer = _guarded(shown, visit)
    except Missing:
        answer = _told(visit, HTTPStatus.NOT_FOUND, "There is nothing here.")
    except Refused as refusal:
        answer = _told(visit, HTTPStatus.UNPROCESSABLE_ENTITY, str(refusal))
    except Busy:
        answer = _told(
            visit, HTTPStatus.SERVICE_UNAVAILABLE, "Another one is under way; try again in a while."
        )
    except Exception as error:  # the last one to see it: an editor gets a page, the log gets the fault
        logger.error("page_failed", extra={"errors": 1, **described(error)})
        answer = _told(
            visit, HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; it is written down."
        )
    return sent(visit, answer)


def _guarded(shown: Shown, visit: Visit) -> Answer:
    if visit.method == "POST" and _from_elsewhere(visit.headers):
        return _told(visit, HTTPStatus.FORBIDDEN, "This form is of another site; nothing was done.")
    if shown.least == "anyone":
        return shown.view(visit.asking(shown.asks))
    if visit.visitor is None:
        wanted = visit.link() if visit.method == "GET" else None
        return onward(link(f"{ROOT}/enter", next=wanted))
    if not visit.visitor.may(shown.least):
        if visit.method not in READING:
            tried = f"{visit.method} {ROOT}{shown.rule}"
            note_refusal(Caller(visit.visitor.name, visit.visitor.role), tried, shown.least)
        return _told(visit, HTTPStatus.FORBIDDEN, "Your key does not allow this.")
    if visit.method == "POST" and not hmac.compare_digest(visit.sent(CSRF) or "", visit.visitor.csrf):
        return _told(visit, HTTPStatus.FORBIDDEN, "This form is too old; load the page again.")
    return shown.view(visit.asking(shown.asks))


def _from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Say whether a browser sends another site's form, which could let somebody in under a key that is not his.

    Browsers tell it themselves where the page is secure; by their Origin else. Other programs say nothing, and have nobody to deceive.
    """
    if (site := headers.get("sec-fetch-site")) is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    here = {headers.get("host"), headers.get("x-forwarded-host")}
    return origin is not None and origin.partition("://")[2] not in here


REFUSALS: Final = "told.html"


def _told(visit: Visit, status: HTTPStatus, text: str) -> Answer:
    return page(visit, REFUSALS, status=status, told=visit.language(text))
