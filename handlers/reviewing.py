"""Reviewing: one question after the other, each answered with a word and kept at once; the last answer can be undone.

A crash loses no answer. Who begins again is asked what is still open; what was skipped stands where it stood. Runs are not waited for:
a verdict holds when it is stored, and the queue leaves out what was answered.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

from dedup_core.contradicting import Listing
from dedup_core.policy import Policy
from handlers.deciding import Request, decide
from handlers.questioning import ask_next
from infra.match_queue import MatchQueue
from infra.store import Store
from infra.store.verdicts import NewVerdict

Row = dict[str, Any]
Word = Literal["same", "different"]

KINDS: Final[dict[Word, str]] = {"same": "must_link", "different": "cannot_link"}
AT_ONCE: Final = 20
"""Questions that are fetched at once."""


@dataclass(slots=True)
class Review:
    """What is asked, and what was answered. question: the one that waits for an answer, or null after the last one.

    said: questions that were answered or skipped, with the numbers of their verdicts.
    """

    store: Store
    queue: MatchQueue
    policy: Policy
    author: str
    today: date
    question: Row | None = None
    said: list[tuple[Row, list[int]]] = field(default_factory=list)
    _coming: list[Row] = field(default_factory=list)
    _cursor: str | None = None
    _more: bool = True

    def __post_init__(self) -> None:
        self._go_on()

    @property
    def verdicts(self) -> int:
        """How many verdicts were given, and not undone."""
        return sum(len(numbers) for _, numbers in self.said)

    def answer(self, word: Word, *, taking_back: tuple[int, ...] = ()) -> None:
        """Say whether the two are one event; raises Contradicted, and then asks the same again."""
        self._give([NewVerdict(KINDS[word], *self._pair())], taking_back)

    def call_no_event(self, sides: str, *, taking_back: tuple[int, ...] = ()) -> None:
        """Say that the listing of a side, ``a`` or ``b``, or of both, announces no event; raises Contradicted, as `answer` does."""
        pair = dict(zip("ab", self._pair(), strict=True))
        self._give([NewVerdict("not_an_event", pair[side]) for side in sides], taking_back)

    def skip(self) -> None:
        """Leave it open."""
        self._keep([])

    def undo(self) -> bool:
        """Take back what was said last, and ask it again; false if nothing was."""
        if not self.said:
            return False
        question, numbers = self.said[-1]
        if numbers:
            self._decide(Request(self.author, taking_back=tuple(numbers), reason="undone"))
        self.said.pop()
        if self.question is not None:
            self._coming.insert(0, self.question)
        self.question = question
        return True

    def _pair(self) -> tuple[Listing, Listing]:
        question = self.question or {}
        a, b = ((question[side]["source_code"], question[side]["id"]) for side in "ab")
        return a, b

    def _give(self, wishes: list[NewVerdict], taking_back: tuple[int, ...]) -> None:
        answer = self._decide(Request(self.author, wishes, taking_back=taking_back))
        self._keep([verdict["sequence"] for verdict in answer["verdicts"]])

    def _decide(self, request: Request) -> Row:
        return decide(request, store=self.store, queue=self.queue, policy=self.policy)

    def _keep(self, numbers: list[int]) -> None:
        if self.question is not None:
            self.said.append((self.question, numbers))
        self._go_on()

    def _go_on(self) -> None:
        if not self._coming and self._more:
            page = ask_next(self.store, today=self.today, cursor=self._cursor, limit=AT_ONCE)
            self._coming, self._cursor, self._more = page.items, page.next, page.next is not None
        self.question = self._coming.pop(0) if self._coming else None
