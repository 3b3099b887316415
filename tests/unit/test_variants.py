import pytest

from dedup_core.errors import InvalidPolicy
from dedup_core.policy import default_policy
from dedup_core.variants import combined, parsed_range, varied


def test_a_range_has_both_its_ends_and_ranges_are_combined() -> None:
    ranges = [parsed_range("thresholds.match=3:4:0.1"), parsed_range("evidence.title.shared=0.5,0.7")]

    combinations = combined(ranges)

    assert ranges[0].values[3] == 3.3
    assert ranges[0].values[-1] == 4.0
    assert len(combinations) == 22
    assert combinations[1] == {"thresholds.match": 3.0, "evidence.title.shared": 0.7}


def test_a_number_of_a_section_of_a_table_and_of_a_curve_can_be_changed_and_nothing_else_is() -> None:
    policy = default_policy()
    changes = {
        "thresholds.match": 5.0,
        "title_by_category.fasnacht": 0.5,
        "evidence.description.2.1": 3.5,
        "blocking.max_block_size": 300.0,
    }

    other = varied(policy, changes)

    assert other.thresholds.match == 5
    assert other.title_by_category["fasnacht"] == 0.5
    assert other.evidence.description[2] == (policy.evidence.description[2][0], 3.5)
    assert other.blocking.max_block_size == 300
    back = {
        "thresholds.match": policy.thresholds.match,
        "title_by_category.fasnacht": policy.title_by_category["fasnacht"],
        "evidence.description.2.1": policy.evidence.description[2][1],
        "blocking.max_block_size": policy.blocking.max_block_size,
    }
    assert varied(other, back).hash == policy.hash


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"threshold.match": 4.0}, "did you mean thresholds.match"),
        ({"thresholds": 4.0}, "no number of the policy"),
        ({"thresholds.match": -5.0}, "floor <= ambiguous <= match"),
        ({"evidence.description.1.0": 2.0}, "must ascend"),
    ],
)
def test_what_is_no_policy_is_refused_by_name(changes: dict[str, float], named: str) -> None:
    with pytest.raises(InvalidPolicy, match=named):
        varied(default_policy(), changes)


@pytest.mark.parametrize("text", ["thresholds.match", "x=", "x=1:2", "x=2:1:0.1", "x=0:1:0", "x=0:1:0.0001"])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidPolicy, match="not path=first:last:step"):
        parsed_range(text)


def test_more_combinations_than_anyone_means_are_refused() -> None:
    ranges = [parsed_range(f"thresholds.{name}=0:30:1") for name in ("match", "ambiguous")]

    with pytest.raises(InvalidPolicy, match="961 combinations"):
        combined(ranges)
