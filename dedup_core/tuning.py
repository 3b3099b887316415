"""Tuning: find the numbers of a policy that make most of labelled pairs.

Each tuned number, or curve, has one factor; what is sought are the factors that make the labels most likely (log loss of the pairs'
scores), with a penalty for every doubling or halving, so that a few hundred labels move what they speak of and nothing else.
Then the threshold is set by the whole events that come out of it; labelled pairs leave it as it is, since they were chosen for a
reason and say nothing of how many events are whole. The search goes one factor at a time (coordinate descent): it finds a
near optimum, not the best there is; and what fits the labels need not fit other data, which is why `handlers.tune` holds some out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from dedup_core.errors import InvalidPolicy
from dedup_core.evaluating import Pairwise
from dedup_core.labels import TrueClusters, Truth
from dedup_core.policy import Policy
from dedup_core.scoring import score
from dedup_core.trials import Trials
from dedup_core.variants import numbers_of, varied

WEIGHTS: Final = (
    "evidence.title.shared",
    "evidence.title.shared_cap",
    "evidence.title.equal",
    "evidence.title.disagree",
    "evidence.title.rest",
    "evidence.title.disagree_cap",
    "evidence.title.initials",
    "evidence.title.edition",
    "evidence.place.city_differs",
    "evidence.place.online",
    "evidence.place.district_differs",
    "evidence.place.distance_km",
    "evidence.place.venue_cap",
    "evidence.place.venue_differs",
    "evidence.place.street",
    "evidence.place.street_no",
    "evidence.place.street_differs",
    "evidence.place.cap",
    "evidence.date_overlap",
    "evidence.date_differs",
    "evidence.time_apart",
    "evidence.same_start_cap",
    "evidence.description",
    "evidence.categories_shared",
    "evidence.categories_differ",
    "evidence.same_source",
    "evidence.density_floor",
    "vetoes.title_differs",
    "vetoes.two_names",
    "vetoes.rare_word",
    "vetoes.rest",
    "vetoes.rival",
)
"""Paths of what is tuned: numbers, and curves, of which the second number of each point is."""

STEPS: Final = (1.5, 1.2, 1.1)
"""Factors by which a number is raised and lowered in the rounds of the search, coarse ones first."""

ROUNDS: Final = 3
"""Rounds at each step at most; a round that gains nothing ends the step."""

LEAST_GAIN: Final = 0.01
"""Nats below which a step is not worth taking."""

HARD: Final = -16.0
"""Bits; labelled pairs that the first policy puts below are different whatever is tuned, and are not looked at again."""

MATCHES: Final = tuple(np.arange(0.0, 9.01, 0.25).tolist())
"""Thresholds that are tried at the end, in bits: what is not even likely is never joined."""

LOG_2: Final = float(np.log(2))


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked of tuning.

    precision: least share of joined pairs that are right, on the labels that are fitted. caution: nats that a factor of two costs.
    """

    precision: float = 0.99
    caution: float = 2.0


@dataclass(frozen=True, slots=True)
class Tuned:
    """The policy that was found. changes: path -> number before and after. loss_before, loss: nats of the fitted pairs."""

    policy: Policy
    changes: dict[str, tuple[float, float]]
    loss_before: float
    loss: float
    pairs: int


def tune(
    trials: Trials, truth: Truth, policy: Policy, *, goal: Goal, told: Callable[[str, float], None]
) -> Tuned:
    """Fit a policy to labels. truth: of the rows of the trials' events; told: what is done now, and the share done.

    The same events, labels and policy give the same result.

    Raises:
        InvalidPolicy: no labelled pair is both one event and a candidate: there is nothing to fit.
    """
    search = _Search(trials, truth, policy, goal)
    before = search.best
    for number, step in enumerate(STEPS):
        for turn in range(ROUNDS):
            told(
                f"weights, step {step}, round {turn + 1}",
                (number * ROUNDS + turn) / (len(STEPS) * ROUNDS + 1),
            )
            if not search.round(step):
                break
    told("threshold", len(STEPS) * ROUNDS / (len(STEPS) * ROUNDS + 1))
    whole = isinstance(truth, TrueClusters)
    found = _with_threshold(trials, truth, search.policy, goal) if whole else search.policy
    return Tuned(found, _changed(policy, found), before, search.best, search.pairs.height)


class _Search:
    """The factors found so far, and what they cost."""

    def __init__(self, trials: Trials, truth: Truth, policy: Policy, goal: Goal) -> None:
        self._start, self._goal = policy, goal
        # None of WEIGHTS changes what comparisons look at, or which pairs there are.
        self._subjects = trials.subjects(policy)
        self._paths = {name: list(_paths_of(policy, name)) for name in WEIGHTS}
        self._numbers = numbers_of(policy)
        self.factors = dict.fromkeys(WEIGHTS, 1.0)
        self.pairs, self._same = _labelled_pairs(trials, truth, policy)
        if not self._same.any():
            raise InvalidPolicy(
                "none of the labels says of two candidates that they are one event: nothing to fit"
            )
        self.policy = policy
        self._telling = list(WEIGHTS)
        self.best = self._loss_now = self._loss(policy)

    def round(self, step: float) -> bool:
        """Try each factor one step up and down; keep what gains. Tell whether anything did."""
        return sum(self._better(name, step) for name in list(self._telling)) > 0

    def _better(self, name: str, step: float) -> bool:
        """Try one factor. What moves no labelled pair either way is not tried again."""
        costs = []
        for factor in (self.factors[name] * step, self.factors[name] / step):
            factors = {**self.factors, name: factor}
            try:
                policy = varied(self._start, self._scaled(factors))
            except InvalidPolicy:
                continue
            costs.append(self._loss(policy))
            cost = costs[-1] + self._penalty(factors)
            if cost < self.best - LEAST_GAIN:
                self.policy, self.best, self.factors, self._loss_now = policy, cost, factors, costs[-1]
                return True
        if all(cost == self._loss_now for cost in costs):
            self._telling.remove(name)
        return False

    def _scaled(self, factors: Mapping[str, float]) -> dict[str, float]:
        return {
            path: round(self._numbers[path] * factor, 3)
            for name, factor in factors.items()
            if factor != 1.0
            for path in self._paths[name]
        }

    def _penalty(self, factors: Mapping[str, float]) -> float:
        return self._goal.caution * sum(float(np.log2(factor)) ** 2 for factor in factors.values())

    def _loss(self, policy: Policy) -> float:
        """Add up the log loss of the labelled pairs, in nats.

        Halfway between the thresholds a pair is taken to be as likely one event as not.
        """
        weights = score(self.pairs, self._subjects, policy, keep_all=True).decisions["weight"].to_numpy()
        middle = (policy.thresholds.match + policy.thresholds.ambiguous) / 2
        odds = (weights.astype(np.float64) - middle) * LOG_2
        return float(np.logaddexp(0.0, np.where(self._same, -odds, odds)).sum())


def _paths_of(policy: Policy, name: str) -> Iterator[str]:
    """Give the paths of a number itself, or of the bits of a curve's points."""
    for path in numbers_of(policy):
        if path == name or (path.startswith(f"{name}.") and path.endswith(".1")):
            yield path


def _labelled_pairs(
    trials: Trials, truth: Truth, policy: Policy
) -> tuple[pl.DataFrame, np.typing.NDArray[np.bool_]]:
    """Take the labelled candidate pairs that are one event, or that score well enough to be taken for one."""
    pairs = trials.candidates(policy)
    known = pairs.with_columns(truth.same(pairs).alias("same")).filter(pl.col("same").is_not_null())
    scored = score(known.select("a", "b"), trials.subjects(policy), policy, keep_all=True).decisions
    telling = known.filter(pl.col("same") | (scored["weight"] - scored["cap"].fill_null(0) > HARD))
    return telling.select("a", "b"), telling["same"].to_numpy()


def _with_threshold(trials: Trials, truth: Truth, policy: Policy, goal: Goal) -> Policy:
    """Choose the threshold of the best F1 among those precise enough; if none is, the most precise one."""
    tried = []
    for match in MATCHES:
        ambiguous = min(policy.thresholds.ambiguous, match)
        other = varied(policy, {"thresholds.match": match, "thresholds.ambiguous": ambiguous})
        tried.append((truth.counts(trials.trial(other).labels), other))
    return max(tried, key=lambda one: _merit(one[0], goal))[1]


def _merit(counts: Pairwise, goal: Goal) -> tuple[bool, float]:
    precise = counts.precision >= goal.precision
    return precise, counts.f1 if precise else counts.precision


def _changed(before: Policy, after: Policy) -> dict[str, tuple[float, float]]:
    then, now = numbers_of(before), numbers_of(after)
    return {path: (then[path], now[path]) for path in now if then[path] != now[path]}
