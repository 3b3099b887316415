"""What the world refuses, each error named for the fact."""

from dedup_core.errors import EventDedupError


class NoPostgres(EventDedupError):  # noqa: N818
    """There is no database to work with. Show the message, which says how to get one."""


class MatcherBusy(EventDedupError):  # noqa: N818
    """Another matcher holds the lock. Don't acknowledge the message; it comes again when the other is done."""


class DecidersBusy(EventDedupError):  # noqa: N818
    """Others decide, and it takes longer than one may wait. Come again in a few seconds; nothing was done."""


class SchemaNotReady(EventDedupError):  # noqa: N818
    """The database is not at the schema that this code needs. Run the migrations, then retry."""


class WrongSettings(EventDedupError):  # noqa: N818
    """A variable of the environment is missing or wrong. Show the message, which names it; nothing was started."""


class ObjectTooLarge(EventDedupError):  # noqa: N818
    """The object is larger than the policy allows, so it was not read. Quarantine it; a retry gives the same answer."""


class ObjectMissing(EventDedupError):  # noqa: N818
    """The object is gone: deleted since it was announced. Acknowledge; if it comes back it is announced again."""


class ForeignMessage(EventDedupError):  # noqa: N818
    """A message that nobody of us sent. Let it come again until it lies in the dead letter queue, where someone looks at it."""


class NothingToRead(EventDedupError):  # noqa: N818
    """Where input files were expected there is none. Show the message; nothing was done."""


class NoLocalStack(EventDedupError):  # noqa: N818
    """LocalStack can't be installed or started here. Show the message, which says what is missing; the directory mode needs none of it."""


class RunsElsewhere(EventDedupError):  # noqa: N818
    """The stack runs on another port than the one asked for. Show the message, which says what to do; nothing was started."""


class NotDeployed(EventDedupError):  # noqa: N818
    """The template could not be deployed. Show the message, which names the resources that failed."""


class NameTaken(EventDedupError):  # noqa: N818
    """There is a valid key of this name. Show the message; nothing was added."""
