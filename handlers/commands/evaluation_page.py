"""An evaluation as one page: plots, tables and mistakes, in a file that needs no other and no network.

Listings come from strangers: everything is escaped, and the page's own policy lets no script run but the two that it is made with.
"""

import base64
import hashlib
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, StrictUndefined, select_autoescape
from markupsafe import Markup

from handlers.commands.evaluating import NAMES, change_in_digits, figure_in_digits
from handlers.commands.evaluation_document import Document
from handlers.terminal import adding_up

PARTS: Final = resources.files("handlers").joinpath("web", "evaluation")
VENDOR: Final = resources.files("handlers").joinpath("web", "static", "vendor")
UPLOT: Final = "/*! uPlot 1.6.32, Copyright (c) 2022 Leon Sorokin, MIT licence */"
"""In place of its first line, which names an address."""

PLOTTED: Final = ("curve", "histogram", "thresholds", "figures", "sweep")
"""Parts of the document that the plots are drawn from."""


def page(told: Document) -> str:
    """Write the page. told: as from `evaluation_document.document`."""
    bounds = _bounds(told["evidence"])
    scripts = [UPLOT + "\n" + _part("uPlot.iife.min.js").split("\n", 1)[1], _part("page.js")]
    template = _environment(bounds).from_string(_part("page.html.j2"))
    return template.render(
        told=told,
        names=NAMES,
        bounds=bounds,
        evidence=_side_by_side(told["evidence"]),
        plotted={name: told[name] for name in PLOTTED if name in told},
        # Files of this package, and no listing's text: they are not escaped.
        styles=Markup(_part("uPlot.min.css") + _part("page.css")),  # noqa: S704
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        script_hashes=Markup(" ".join(map(_hash, scripts))),  # noqa: S704
    )


def _part(name: str) -> str:
    return (VENDOR if name.startswith("uPlot") else PARTS).joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """Name a script as a content security policy does."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _bounds(evidence: list[dict[str, Any]]) -> tuple[float, float]:
    known = [row[name] for row in evidence for name in ("low", "high") if row[name] is not None]
    return min([*known, -1.0]), max([*known, 1.0])


def _side_by_side(evidence: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Put what a part says of one event beside what it says of two; a part that never speaks is left out."""
    by_name: dict[str, dict[bool, dict[str, Any]]] = {}
    for row in evidence:
        by_name.setdefault(row["part"], {})[row["same"]] = row
    return [
        (part, sides[True], sides[False])
        for part, sides in by_name.items()
        if any(side["median"] is not None for side in sides.values())
    ]


def _minus(written: str) -> str:
    """Write a true minus, as the plots and the words of the evidence do."""
    return written.replace("-", "\N{MINUS SIGN}")


def _environment(bounds: tuple[float, float]) -> Environment:
    environment = Environment(
        autoescape=select_autoescape(default=True, default_for_string=True), undefined=StrictUndefined
    )
    low, high = bounds
    environment.filters |= {
        "share": lambda value: f"{value:.4f}",
        "percent": lambda value: f"{value:.1%}",
        "bits": lambda value: "–" if value is None else _minus(f"{value:+.2f}"),
        "added": lambda parts: zip(parts, adding_up([part["bits"] or 0.0 for part in parts]), strict=True),
        "number": figure_in_digits,
        "change": lambda value: _minus(change_in_digits(value)),
        "plain": lambda value: _minus(f"{value:g}"),
        "place": lambda value: round(100 * (value - low) / (high - low), 2),
    }
    return environment
