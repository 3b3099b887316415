"""Deciding: take a person's verdicts in, and tell at once what becomes of the events that they touch.

The matcher stays the only writer of canonical events: what is answered here is worked out, marked as pending, and stored by the next run,
which is announced. What may differ then is said in `dedup_core.neighbourhood`. Merging, splitting and moving are verdicts, too:
`handlers.arranging` makes them.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import orjson

from dedup_core.contradicting import Contradiction, Listing, Said, contradictions
from dedup_core.errors import EventDedupError, WrongValue
from dedup_core.policy import Policy
from infra.match_queue import MatchQueue
from infra.store.deciding import DecisionWork, questioned, verdict_frame
from infra.store.verdicts import NewVerdict, Which, said_of
from infra.store.versions import version_of

MOST_TOUCHED: Final = 1000
"""Listings that are worked out at once; what verdicts on more of them make of events, the run tells."""

Answer = dict[str, Any]
"""What is answered, ready for JSON; `answer_of` makes it."""


class Contradicted(EventDedupError):  # noqa: N818
    """Verdicts contradict others; nothing was stored. Show the chains; who takes back a verdict of each may save."""

    def __init__(self, found: Sequence[Contradiction]) -> None:
        super().__init__("it contradicts what was said before")
        self.found = tuple(found)


class Outdated(EventDedupError):  # noqa: N818
    """An event is not what its editor saw. Show it as it is now, and let him decide anew; nothing was stored."""

    def __init__(self, canonical_ids: Collection[str]) -> None:
        super().__init__(f"changed in the meantime: {', '.join(sorted(canonical_ids))}")
        self.canonical_ids = sorted(canonical_ids)


class KeyReused(EventDedupError):  # noqa: N818
    """An Idempotency-Key came with another request before. Use a new key for each request; nothing was stored."""


class TooMany(EventDedupError):  # noqa: N818
    """More verdicts are to be taken back than others can wait for. Name fewer of them; nothing was stored."""


class NothingToTakeBack(EventDedupError):  # noqa: N818
    """No such verdict is in force. Tell the caller; a retry gives the same answer."""


class DecisionStore(Protocol):
    """What deciding asks of the store."""

    def deciding(self) -> AbstractContextManager[DecisionWork]:
        """Open a decision's transaction."""

    def looking(self) -> AbstractContextManager[DecisionWork]:
        """Open a transaction that only looks."""


MOST_TAKEN_BACK: Final = 3000
"""Verdicts that are taken back at once, at most, as nobody else decides meanwhile; a guess."""

Plan = Callable[[DecisionWork], Sequence[NewVerdict]]


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants.

    verdicts: to be given, or what makes them of the events as they are. taking_back: numbers of verdicts that no longer hold, or which
    of those in force.
    versions: canonical id -> the version that the editor saw. key: an Idempotency-Key, or null. act: merge, split, move or null.
    """

    author: str
    verdicts: Sequence[NewVerdict] | Plan = ()
    taking_back: tuple[int, ...] | Which = ()
    reason: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    act: str | None = None
    about: object = None
    """Whatever else tells this request from another one; for the key."""

    @property
    def hash(self) -> str:
        """Tell one request from another."""
        wishes = None if callable(self.verdicts) else [_plain(wish) for wish in self.verdicts]
        taking_back = repr(self.taking_back)
        parts = (wishes, taking_back, self.reason, self.act, sorted(self.versions.items()), self.about)
        # Not orjson: it refuses large integers and lone surrogates, which a value may hold before anybody has looked at it.
        text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _plain(wish: NewVerdict) -> list[object]:
    return [wish.kind, wish.a, wish.b, wish.field, wish.value, wish.reason]


def decide(request: Request, *, store: DecisionStore, queue: MatchQueue, policy: Policy) -> Answer:
    """Give and take back verdicts, all or none, and wake the matcher; answers what becomes of the events, see `answer_of`.

    policy: what holds where none was ever applied.

    A second call with the same key answers what the first one did, and does nothing. A crash before the commit leaves nothing; one
    after it leaves a generation that the sweep announces.

    Raises:
        Contradicted: the verdicts contradict others, or each other.
        Outdated: an event is not of the version that was seen.
        UnknownEvent: no such listing or event.
        WrongValue: a listing is paired with itself.
        NothingToTakeBack: a verdict that was to be taken back is not in force.
        TooMany: more verdicts are to be taken back than others can wait for.
        KeyReused: the key was given with another request.
    """
    _warm()
    with store.deciding() as work:
        if (known := _answered_before(work, request)) is not None:
            return known
        policy = work.policy() or policy
        _insist_on_versions(work, request.versions, policy)
        wishes = _wishes(work, request)
        taken = _taken(work, request.taking_back)
        found = contradictions_of(work, wishes, taken, author=request.author)
        if found:
            raise Contradicted(found)
        numbers = [said.sequence for said in taken]
        work.withdraw(numbers, author=request.author, reason=request.reason)
        before, new = _said_before(work, wishes, numbers, author=request.author)
        given = work.append(new, author=request.author, act=request.act)
        said = sorted([*before, *given], key=lambda one: one.sequence)
        generation = work.raise_generation() if given or taken else work.generations()[0]
        prospect, clashes = outlook(work, said, taken, policy, generation=generation)
        if clashes:
            raise Contradicted(clashes)
        answer = answer_of(work, said, taken, prospect, generation=generation, clashes=())
        if request.key is not None:
            work.remember(request.author, request.key, request.hash, orjson.dumps(answer).decode())
    queue.announce(generation)
    return answer


def preview(request: Request, *, store: DecisionStore, policy: Policy) -> Answer:
    """Tell what `decide` would answer, contradictions included, and store nothing. Numbers of verdicts are guesses.

    Raises:
        Outdated, UnknownEvent, WrongValue, NothingToTakeBack: as `decide` does.
    """
    _warm()
    with store.looking() as work:
        policy = work.policy() or policy
        _insist_on_versions(work, request.versions, policy)
        wishes = _wishes(work, request)
        work.insist_on({listing for wish in wishes for listing in wish.listings})
        taken = _taken(work, request.taking_back)
        first = work.next_number()
        said = [said_of(first + place, wish, request.author) for place, wish in enumerate(wishes)]
        found = contradictions_of(work, wishes, taken, author=request.author)
        generation = work.generations()[0] + 1
        prospect, clashes = outlook(work, said, taken, policy, generation=generation)
        return answer_of(
            work, said, taken, prospect, generation=generation, clashes=(*found, *clashes), preview=True
        )


def _warm() -> None:
    """Import what takes a second the first time, before others have to wait for it."""
    import dedup_core.neighbourhood  # noqa: F401, PLC0415 - brings SciPy along


def _answered_before(work: DecisionWork, request: Request) -> Answer | None:
    known = None if request.key is None else work.answer_to(request.author, request.key)
    if known is None:
        return None
    request_hash, answer = known
    if request_hash != request.hash:
        raise KeyReused("this Idempotency-Key came with another request")
    given: Answer = orjson.loads(answer)
    return given


def _wishes(work: DecisionWork, request: Request) -> list[NewVerdict]:
    wishes = request.verdicts(work) if callable(request.verdicts) else request.verdicts
    if any(wish.a == wish.b for wish in wishes):
        raise WrongValue("a listing is the same as itself: a pair takes two")
    return [wish if wish.reason else replace(wish, reason=request.reason) for wish in wishes]


def _said_before(
    work: DecisionWork, wishes: Sequence[NewVerdict], gone: Collection[int], *, author: str
) -> tuple[list[Said], list[NewVerdict]]:
    """Part wishes into what their author says already, and what is new: who says a thing twice has said it once."""
    listings = {listing for wish in wishes for listing in wish.listings}
    standing = {
        _meaning(said): said
        for said in work.standing_on(listings)
        if said.author == author and said.sequence not in gone
    }
    known: dict[object, Said] = {}
    new: dict[object, NewVerdict] = {}
    for wish in wishes:
        meaning = _meaning(wish)
        if meaning in standing:
            known[meaning] = standing[meaning]
        else:
            new.setdefault(meaning, wish)
    return list(known.values()), list(new.values())


def _meaning(verdict: Said | NewVerdict) -> object:
    """Say what a verdict says, whichever way round its listings are named."""
    return verdict.kind, frozenset((verdict.a, verdict.b)), verdict.field, verdict.value


def _taken(work: DecisionWork, asked: Sequence[int] | Which) -> list[Said]:
    if isinstance(asked, Which):
        found = work.standing(asked)
        if len(found) > MOST_TAKEN_BACK:
            raise TooMany(f"{len(found)} verdicts, and at most {MOST_TAKEN_BACK} are taken back at once")
        return found
    numbers, taken = asked, work.named(asked)
    if missing := set(numbers) - {said.sequence for said in taken}:
        raise NothingToTakeBack(f"not in force: {', '.join(map(str, sorted(missing)))}")
    return taken


def contradictions_of(
    work: DecisionWork, wishes: Sequence[NewVerdict], taken: Sequence[Said], *, author: str
) -> list[Contradiction]:
    """List what new verdicts contradict, pins apart, once others are taken back. New ones have numbers from 0 down."""
    words = [wish for wish in wishes if wish.kind != "pin"]
    pairs = {listing for wish in words if wish.b is not None for listing in wish.listings}
    alone = {wish.a for wish in words if wish.b is None}
    known = [*(work.linked(pairs) if pairs else []), *(work.standing_on(alone) if alone else [])]
    gone = {said.sequence for said in taken}
    standing = {said.sequence: said for said in known if said.sequence not in gone and said.kind != "pin"}
    new = [said_of(-place, wish, author) for place, wish in enumerate(words)]
    return contradictions(new, standing.values())


def outlook(
    work: DecisionWork, said: Sequence[Said], taken: Sequence[Said], policy: Policy, *, generation: int
) -> "tuple[Outlook | None, list[Contradiction]]":
    """Work out what verdicts make of the events that they touch, and which pins contradict then; null if they touch too many."""
    from dedup_core.neighbourhood import pins_against, resettled  # noqa: PLC0415 - brings SciPy along

    start = _start(work, [*said, *taken])
    near = work.neighbourhood(start, most=MOST_TOUCHED, titles=policy.synthesis.template_titles)
    if near is None:
        return None, []
    gone = {one.sequence for one in taken}
    # Read before they were written: what is taken back is still in it, and what is new is not.
    mine = {one.sequence for one in said}
    listings = list(near.events.select("source_code", "id").iter_rows())
    standing = [one for one in work.standing_on(listings) if one.sequence not in gone | mine]
    near = replace(near, verdicts=verdict_frame([*standing, *said]))
    prospect = resettled(near, policy, generation=generation)
    before = dict(near.previous.canonicals.select("canonical_id", "content_hash").iter_rows())
    return Outlook(prospect, before), pins_against(prospect, list(said), standing)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of the events that verdicts touch. before: canonical id -> hash of its content as it is stored."""

    prospect: Any
    before: Mapping[str, str]


def _start(work: DecisionWork, changed: Sequence[Said]) -> set[Listing]:
    """Name the listings from which verdicts reach on. Who calls one no event settles its questions, on both ends."""
    start = {listing for said in changed for listing in (said.a, said.b) if listing is not None}
    unreal = [said.a for said in changed if said.kind == "not_an_event"]
    return start | (questioned(work.moment, unreal) if unreal else set())


def answer_of(
    work: DecisionWork,
    said: Sequence[Said],
    taken: Sequence[Said],
    found: Outlook | None,
    *,
    generation: int,
    clashes: Sequence[Contradiction],
    preview: bool = False,
) -> Answer:
    """Put it in the answer's form.

    ``pending``: always true, as only a run makes it so; ``generation``: the one that has it. ``verdicts``, ``taken_back``.
    ``events``: those that the verdicts touch as they will be, null if they are too many: ``event`` in the output format, its ``version``
    and ``change`` (created, updated, unchanged). ``gone``: ids that lead elsewhere then. ``contradictions``: of a preview; chains of verdicts.
    """
    return {
        "pending": True,
        "preview": preview,
        "generation": generation,
        "verdicts": [told(one) for one in said],
        "taken_back": [one.sequence for one in taken],
        "contradictions": [chain_of(one) for one in clashes],
        "events": None if found is None else _events(work, found),
        "gone": [] if found is None else _gone(found),
    }


def told(said: Said) -> Answer:
    """Put a verdict in the answer's form."""
    pin = {} if said.field is None else {"field": said.field, "value": orjson.loads(said.value or "null")}
    sides = {"a": _named(said.a), "b": None if said.b is None else _named(said.b)}
    number = said.sequence if said.sequence > 0 else None  # a new one has none yet
    return {"sequence": number, "kind": said.kind, **sides, **pin, "author": said.author}


def _named(listing: Listing) -> dict[str, str]:
    return {"source_code": listing[0], "id": listing[1]}


def chain_of(found: Contradiction) -> Answer:
    """Put a contradiction in the answer's form: the new verdict, and the chain that it contradicts."""
    return {"verdict": told(found.new), "contradicts": [told(one) for one in found.chain]}


def _events(work: DecisionWork, found: Outlook) -> list[Answer]:
    groups: dict[str, list[Listing]] = {}
    for canonical_id, source_code, listing_id in found.prospect.members.iter_rows():
        groups.setdefault(canonical_id, []).append((source_code, listing_id))
    words = work.last_words(groups)
    columns = found.prospect.canonical_events.select("canonical_id", "content_hash", "content")
    return [
        {
            "event": orjson.loads(content),
            "version": version_of(content_hash, words[canonical_id]),
            "change": _change(found.before.get(canonical_id), content_hash),
        }
        for canonical_id, content_hash, content in columns.iter_rows()
    ]


def _change(before: str | None, now: str) -> str:
    if before is None:
        return "created"
    return "unchanged" if before == now else "updated"


def _gone(found: Outlook) -> list[Answer]:
    difference = found.prospect.difference
    heirs: dict[str, list[str]] = {}
    for parent, child in difference.lineage.select("parent_id", "child_id").iter_rows():
        heirs.setdefault(parent, []).append(child)
    return [{"id": gone, "successors": sorted(set(heirs.get(gone, [])))} for gone in difference.gone]


def _insist_on_versions(work: DecisionWork, seen: Mapping[str, str], policy: Policy) -> None:
    """Check that events are as their editor saw them: as the last run stored them or, while a run is due, as they were answered."""
    if not seen:
        return
    now = work.versions(seen)
    outdated = {name for name in seen if now.get(name) != seen[name]}
    ingested, matched = work.generations()
    # By an event's last words alone most that is outdated is known for it, and the costly look is spared.
    doubtful = {name for name in outdated & now.keys() if _words_of(now[name]) == _words_of(seen[name])}
    if doubtful and ingested != matched:
        pending = _pending_versions(work, now, doubtful, policy, generation=ingested)
        outdated -= {name for name in doubtful if pending.get(name) == seen[name]}
    if outdated:
        raise Outdated(outdated)


def _words_of(version: str) -> str:
    return version.partition(".")[2]


def _pending_versions(
    work: DecisionWork, now: Mapping[str, str], names: Collection[str], policy: Policy, *, generation: int
) -> dict[str, str]:
    """Name the versions that events get by the run that is due; none if they can reach too many listings, for none was answered."""
    from dedup_core.neighbourhood import resettled  # noqa: PLC0415 - brings SciPy along

    start = [listing for listings in work.members(names).values() for listing in listings]
    near = work.neighbourhood(start, most=MOST_TOUCHED, titles=policy.synthesis.template_titles)
    if near is None:
        return {}
    listings = list(near.events.select("source_code", "id").iter_rows())
    near = replace(near, verdicts=verdict_frame(work.standing_on(listings)))
    made = resettled(near, policy, generation=generation).canonical_events
    hashes = dict(made.select("canonical_id", "content_hash").iter_rows())
    return {name: version_of(hashes[name], _words_of(now[name])) for name in names if name in hashes}
