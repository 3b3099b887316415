"""What the page says: gathered from its templates and its code, so that a text without its German is noticed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dedup_core.remarks import TEXTS
from handlers.web.evidence import PLAIN
from handlers.web.languages import MONTHS, WEEKDAYS
from handlers.web.listings import FIELDS
from handlers.web.pages.listing import SORTS
from handlers.web.pages.runs import TRENDS

WEB = Path(__file__).parents[2] / "handlers" / "web"
SAID = re.compile(r"""\b_\(\s*(?:"([^"]+)"|'([^']+)')""")
CHOSEN = re.compile(r"\b_\(\{(.+?)\}\[")
QUOTED = re.compile(r'"([^"]+)"')
SPEAKING = ("_one_of", "Refused", "CannotArrange", "language", "_told", "Decided", "_shown", "Target")


def in_templates() -> set[str]:
    """Gather what templates say, also where one of several texts is chosen; a text that a code ends, such as "file: ", is left out."""
    found: set[str] = set()
    for template in (WEB / "templates").glob("*.html"):
        written = template.read_text(encoding="utf-8")
        found |= {one or other for one, other in SAID.findall(written)}
        for choice in CHOSEN.findall(written):
            found |= {text for text in QUOTED.findall(choice) if text[0].isupper()}
    return {text for text in found if not text.endswith(": ")}


def _texts_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in SPEAKING:
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                yield from (
                    each.value
                    for each in given
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                )
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.value, ast.Constant)
            and getattr(node.target, "id", "").isupper()
        ):
            text = node.value.value
            if isinstance(text, str) and text.endswith("."):
                yield text


def in_code() -> set[str]:
    """Gather what the code says: refusals, and the names of fields and parts."""
    spoken = [*WEB.rglob("*.py"), WEB.parent / "arranging.py"]
    found = {text for path in spoken for text in _texts_in(ast.parse(path.read_text(encoding="utf-8")))}
    found |= {
        *MONTHS,
        *WEEKDAYS,
        *FIELDS,
        *PLAIN.values(),
        *TEXTS,
        *(name for _, name in SORTS),
        *(name for _, name in TRENDS),
    }
    return found
