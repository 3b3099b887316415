"""The outline that the map draws."""

import json
from itertools import pairwise
from pathlib import Path

OUTLINE = Path(__file__).parents[2] / "handlers" / "web" / "static" / "vendor" / "outline.json"


def test_no_border_leaps_across_the_whole_map() -> None:
    countries = [each["geometry"] for each in json.loads(OUTLINE.read_text("utf-8"))["features"]]
    parted = [
        each["coordinates"] if each["type"] == "MultiPolygon" else [each["coordinates"]] for each in countries
    ]
    rings = [ring for polygons in parted for polygon in polygons for ring in polygon]

    leaps = [(one, other) for ring in rings for one, other in pairwise(ring) if abs(one[0] - other[0]) > 180]

    assert len(rings) > 200
    assert not leaps
