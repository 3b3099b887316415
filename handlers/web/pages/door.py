"""The door: coming in with a key, going, and what the page remembers of a visitor: language and colours.

The key itself is the cookie: no script can read it, no other site's request carries it, and taking the key back ends every visit.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from handlers.web import assets
from handlers.web.languages import CODES
from handlers.web.mounting import Missing, Shown
from handlers.web.shell import Answer, onward, page
from handlers.web.visiting import LANGUAGE, ROOT, SESSION, THEME, THEMES, Visit, Visitor

DAY_S: Final = 86_400
REMEMBERED_S: Final = 365 * DAY_S
SESSION_S: Final = 30 * DAY_S
GONE: Final = -1
AS_IT_IS: Final = "/?#[]@!$&'()*+,;=:%"
"""What parts an address, and what is escaped in it already (RFC 3986)."""


def shown(recognise: Callable[[str], Visitor | None]) -> list[Shown]:
    """List the views of the door. recognise: tells who has a key."""
    return [
        Shown("GET", "/enter", show_door, "anyone", asks=("next",)),
        Shown("POST", "/enter", partial(enter, recognise=recognise), "anyone"),
        Shown("POST", "/leave", leave, "reader"),
        Shown("POST", "/look", look, "anyone"),
        Shown("GET", "/static/<name>", show_asset, "anyone"),
        Shown("GET", "/<nowhere>", show_nothing, "anyone"),
    ]


def show_door(visit: Visit) -> Answer:
    """Ask for a key."""
    return page(visit, "enter.html", onward=visit.asked("next", 2000) or ROOT, refused=False)


def enter(visit: Visit, *, recognise: Callable[[str], Visitor | None]) -> Answer:
    """Let in who has a key; a second time changes nothing."""
    key, wanted = visit.sent("key") or "", visit.sent("next")
    if not key or recognise(key) is None:
        answer = page(visit, "enter.html", onward=_inside(wanted), refused=True)
        return replace(answer, status=HTTPStatus.FORBIDDEN)
    return onward(_inside(wanted), _cookie(visit, SESSION, key, SESSION_S))


def leave(visit: Visit) -> Answer:
    """Forget the key."""
    return onward(f"{ROOT}/enter", _cookie(visit, SESSION, "", GONE))


def look(visit: Visit) -> Answer:
    """Remember language and colours. Without a token: who sends it for another changes no more than these."""
    cookies = []
    if (language := visit.sent("language")) in CODES:
        cookies.append(_cookie(visit, LANGUAGE, str(language), REMEMBERED_S))
    if (theme := visit.sent("theme")) in THEMES:
        cookies.append(_cookie(visit, THEME, str(theme), REMEMBERED_S))
    return onward(_inside(visit.sent("back")), *cookies)


def _inside(address: str | None) -> str:
    """Lead nowhere but into the page; by an address that is one line, whatever was sent."""
    if address is None or not (address == ROOT or address.startswith((f"{ROOT}/", f"{ROOT}?"))):
        return ROOT
    if "\\" in address or ".." in address or not address.isprintable():
        return ROOT
    return quote(address, safe=AS_IT_IS)


def _cookie(visit: Visit, name: str, value: str, seconds: int) -> Cookie:
    secure = visit.headers.get("x-forwarded-proto", "") == "https"
    return Cookie(
        name=name,
        value=value,
        path=ROOT,
        secure=secure,
        http_only=True,
        max_age=seconds,
        same_site=SameSite.STRICT_MODE,
    )


def show_nothing(visit: Visit) -> Answer:
    """Tell a person who mistyped an address so, as a page."""
    raise Missing


def show_asset(visit: Visit) -> Answer:
    """Send one of the page's own files."""
    found = assets.find(f"static/{visit.parts['name']}")
    if found is None:
        raise Missing
    return Answer(content_type=found.content_type, file=found)
