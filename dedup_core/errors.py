"""What the core refuses, each error named for the fact.

A bad listing is a value (`dedup_core.events.Rejection`); only what stops a whole file or a whole run is an exception.
"""


class EventDedupError(Exception):
    """Base of all errors that this package raises on purpose."""


class UnreadableFile(EventDedupError):  # noqa: N818 - named for the fact, as all errors here
    """The file is not in the agreed format. Quarantine it with the reason; a retry gives the same answer."""


class InvalidPolicy(EventDedupError):  # noqa: N818
    """The policy breaks a rule. Show the message, which names the path of the field; nothing was run."""


class UnknownEvent(EventDedupError):  # noqa: N818
    """No source event or canonical event has this id. Tell the caller; a retry gives the same answer."""


class InvalidLexicon(EventDedupError):  # noqa: N818
    """An entry of the lexicon breaks a rule. Mend the file that the message names; nothing can be normalised without it."""


class WrongLabels(EventDedupError):  # noqa: N818
    """Labels, or a suite of cases, can't be used. Show the message, which names file, line and field; nothing was measured."""


class WrongValue(EventDedupError):  # noqa: N818
    """A verdict can't be said so: a field pinned to what it can't be, a listing paired with itself. Show the message; nothing was stored."""
