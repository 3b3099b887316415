"""Visiting: a request as the page's views see it: who asks, in which language, what was asked and what was sent.

Nothing here is to be believed but the visitor: whatever else was sent is text of a stranger, read with a limit and never repeated unescaped.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, Literal
from urllib.parse import parse_qs, urlencode

from aws_lambda_powertools.event_handler.request import Request

from handlers.declaring import RANKS, Role
from handlers.web.languages import Language, chosen

ROOT: Final = "/desk"
"""Everything of the page stands below it."""

SESSION: Final = "event_dedup_key"
LANGUAGE: Final = "event_dedup_language"
THEME: Final = "event_dedup_theme"
CSRF: Final = "csrf"
MOST_FIELDS: Final = 500
MOST_UNKNOWN: Final = 5
MOST_NAMED: Final = 40
"""Unknown parameters that are named, and characters of each: what a stranger made up is not repeated at length."""

Theme = Literal["auto", "light", "dark"]
THEMES: Final[tuple[Theme, ...]] = ("auto", "light", "dark")
Fields = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. csrf: what this visitor's forms must send back; it follows from the key, and the key does not follow from it."""

    name: str
    role: Role
    csrf: str

    def may(self, least: Role) -> bool:
        """Say whether this visitor has at least a role."""
        return RANKS[self.role] >= RANKS[least]


def token_of(key: str) -> str:
    """Derive what forms send back from the visitor's key."""
    return hmac.new(key.encode(), b"event-dedup: a form of this visitor", hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Visit:
    """A request. path: with no query; parts: what stood in the path's places; unknown: parameters that the page has not, so that it can say so."""

    method: str
    path: str
    query: Fields
    form: Fields
    cookies: Mapping[str, str]
    headers: Mapping[str, str]
    language: Language
    theme: Theme
    parts: Mapping[str, str] = field(default_factory=dict)
    visitor: Visitor | None = None
    unknown: tuple[str, ...] = ()

    def asking(self, known: tuple[str, ...]) -> "Visit":
        """Keep the parameters that are known, and name the others: a misspelt filter must not look like one in force."""
        kept = {name: values for name, values in self.query.items() if name in known}
        unknown = [storable(name)[:MOST_NAMED] for name in self.query if name not in known]
        return replace(self, query=kept, unknown=tuple(unknown[:MOST_UNKNOWN]))

    @property
    def who(self) -> Visitor:
        """The visitor of a page that nobody sees without a key."""
        if self.visitor is None:
            raise LookupError("this page asks for no visitor")
        return self.visitor

    def asked(self, name: str, most: int = 200) -> str | None:
        """Give a query parameter, cut to so many characters; null where it is empty or not there."""
        return storable(self.query.get(name, [""])[-1])[:most] or None

    def sent(self, name: str, most: int = 2000) -> str | None:
        """Give a field of the form likewise."""
        return storable(self.form.get(name, [""])[-1])[:most] or None

    def day(self, name: str) -> date | None:
        """Give a query parameter that is a day; null where it is none."""
        try:
            return date.fromisoformat(self.asked(name) or "")
        except ValueError:
            return None

    def link(self, **changed: object) -> str:
        """Address this page with some of its parameters changed; null leaves one out."""
        kept = {name: values[-1] for name, values in self.query.items() if values[-1]}
        merged = {**kept, **changed}
        return link(self.path, **merged)


def link(path: str, **parameters: object) -> str:
    """Address a page; a parameter that is null is left out."""
    asked = urlencode({name: str(value) for name, value in parameters.items() if value is not None})
    return f"{path}?{asked}" if asked else path


def storable(text: str) -> str:
    """Drop what PostgreSQL's texts can't hold."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode().strip()


def visited(request: Request, parts: Mapping[str, str]) -> Visit:
    """Read a request. parts: what stands in the places of its path."""
    event = request.resolved_event
    headers = {name.lower(): str(value) for name, value in (event.headers or {}).items()}
    cookies = event.resolved_cookies_field or {}
    theme = cookies.get(THEME)
    return Visit(
        method=request.method,
        path=event.path,
        query=_query(event.raw_event.get("rawQueryString"), event.resolved_query_string_parameters or {}),
        form=_form(event.decoded_body, headers) if request.method == "POST" else {},
        cookies=cookies,
        headers=headers,
        language=chosen(cookies.get(LANGUAGE), headers.get("accept-language", "")),
        theme="light" if theme == "light" else "dark" if theme == "dark" else "auto",
        parts={name: storable(value) for name, value in parts.items()},
    )


def _query(raw: str | None, parsed: Fields) -> Fields:
    """Read the query as it was sent. What is parsed of the gateway's events parts values at their commas, which JSON and titles have."""
    if raw is None:
        return parsed
    try:
        return parse_qs(raw, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}


def _form(body: str | None, headers: Mapping[str, str]) -> Fields:
    if not headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    try:
        return parse_qs(body or "", keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
