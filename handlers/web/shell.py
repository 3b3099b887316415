"""Shell: what every page has around it: frame, language, headers; and the templates, which escape all that they are given."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.shared.cookies import Cookie
from jinja2 import Environment, PackageLoader, StrictUndefined

from handlers import wiring
from handlers.answers import Written
from handlers.web import assets
from handlers.web.assets import Asset
from handlers.web.languages import CODES, NAMES, Language
from handlers.web.visiting import ROOT, THEMES, Visit, link

POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
QUICKLY: Final = 1
"""How hard pages are compressed: a page of 50 kB is 6 kB and not 5, for a third of the time."""

SMALL: Final = 1000
"""Characters below which compressing saves nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a view answers: a page, or a way on. file: one of the page's own, in place of the body; content: bytes likewise."""

    body: str = ""
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[Cookie, ...] = ()
    content_type: str = "text/html; charset=utf-8"
    file: Asset | None = None
    content: bytes | None = None


@cache
def environment() -> Environment:
    """Open the templates."""
    opened = Environment(
        loader=PackageLoader("handlers", "web/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    opened.globals |= {
        "asset": lambda name: f"{ROOT}/{assets.address(name)}",
        "root": ROOT,
        "link": link,
        "languages": [(code, NAMES[code]) for code in CODES],
        "themes": THEMES,
    }
    opened.filters["merged"] = lambda one, other: {**one, **other}
    return opened


def page(visit: Visit, template: str, *, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> Answer:
    """Answer with a page."""
    language = replace(visit.language, zone=wiring.settings().time_zone)
    given = {"visit": visit, "_": language, "t": language, **values}
    return Answer(environment().get_template(template).render(given), status)


@cache
def macros(language: Language, template: str) -> Any:
    """Open a template's macros in a language, once: to open them takes longer than one of them."""
    return environment().get_template(template).make_module({"_": language, "t": language})


def onward(address: str, *cookies: Cookie) -> Answer:
    """Lead to another page, to be asked for by GET."""
    return Answer("", HTTPStatus.SEE_OTHER, {"Location": address}, cookies)


def sent(visit: Visit, answer: Answer) -> Response[Any]:
    """Bring an answer into the form in which it goes out."""
    if answer.file is not None:
        return _file(visit, answer, answer.file)
    headers = {"Cache-Control": "private, no-cache", "Vary": "Cookie, Accept-Language", **HEADERS}
    headers |= dict(answer.headers)
    if answer.content is not None:
        return _bytes(answer, answer.content, headers)
    if len(answer.body) > SMALL and _unpacks(visit):
        headers["Content-Encoding"] = "gzip"
        return _bytes(answer, gzip.compress(answer.body.encode(), QUICKLY, mtime=0), headers)
    return Response(int(answer.status), answer.content_type, answer.body, {**headers}, list(answer.cookies))


def _file(visit: Visit, answer: Answer, file: Asset) -> Response[Any]:
    headers = {
        "Cache-Control": assets.FOR_EVER,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if not _unpacks(visit):
        return _bytes(answer, file.content, headers)
    return _bytes(answer, file.compressed, {**headers, "Content-Encoding": "gzip"})


def _unpacks(visit: Visit) -> bool:
    return "gzip" in visit.headers.get("accept-encoding", "")


def _bytes(answer: Answer, content: bytes, headers: Mapping[str, str]) -> Response[Any]:
    """Answer with bytes."""
    return Written(int(answer.status), answer.content_type, content, {**headers}, answer.cookies, text=False)
