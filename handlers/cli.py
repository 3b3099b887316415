"""The command line: `event-dedup`. This is its table of contents; the commands stand in `handlers.commands`.

Exit codes: 0 done; 1 not done, the reason stands on standard error; 2 wrong usage; 3 done, but a file was refused;
130 interrupted twice, what was in hand is rolled back.
"""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

import sys
from collections.abc import Callable

import typer

from handlers.commands import (
    cases,
    changing,
    evaluating,
    exporting,
    files,
    labelling,
    local,
    local_demo,
    looking,
    planning,
    queueing,
    reviewing,
    serving,
    tuning,
    watching,
)

app = typer.Typer(
    name="event-dedup",
    help="Keeps one canonical event for each real event that many sources list.",
    epilog="Exit codes: 0 done; 1 not done, the reason stands on standard error; 2 wrong usage; 3 done, but a file was refused.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    files.dedupe,
    watching.watch,
    watching.demo,
    serving.serve,
    watching.match,
    reviewing.explain,
    queueing.review,
    evaluating.evaluate,
    labelling.label,
    tuning.tune,
    exporting.export,
):
    app.command()(command)

GROUPS: dict[tuple[str, str], dict[str, Callable[..., None]]] = {
    ("events", "Canonical events."): {"list": looking.events_list, "show": looking.events_show},
    ("files", "Files that were ingested."): {"list": looking.files_list, "show": looking.files_show},
    ("runs", "Runs of the matcher."): {"list": looking.runs_list, "show": looking.runs_show},
    ("quarantine", "Files that could not be read."): {
        "list": looking.quarantine_list,
        "replay": changing.quarantine_replay,
    },
    ("verdicts", "A person's word, respected by every run."): {
        "list": reviewing.verdicts_list,
        "add": changing.verdicts_add,
        "pin": changing.verdicts_pin,
        "undo": changing.verdicts_undo,
    },
    ("cases", "Cases by which policies are measured."): {"export": cases.cases_export},
    ("policy", "The policy: weights, thresholds, limits."): {
        "show": planning.policy_show,
        "check": planning.policy_check,
        "plan": planning.policy_plan,
        "apply": planning.policy_apply,
        "list": planning.policy_list,
    },
    ("keys", "Keys of the API: who may ask, and what for."): {
        "add": serving.keys_add,
        "list": serving.keys_list,
        "revoke": serving.keys_revoke,
    },
    ("db", "The database."): {"upgrade": changing.db_upgrade},
    ("local", "LocalStack and Postgres on this machine, without Docker."): {
        "up": local.local_up,
        "status": local.local_status,
        "logs": local.local_logs,
        "deploy": local.local_deploy,
        "demo": local_demo.local_demo,
        "down": local.local_down,
    },
}
for (group, summary), members in GROUPS.items():
    part = typer.Typer(help=summary, no_args_is_help=True)
    for name, member in members.items():
        part.command(name)(member)
    app.add_typer(part, name=group)


def main() -> None:
    """Run the command line. What a person can mend is told in a line; a traceback means that the fault is ours."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        reason = mendable(error)
        if reason is None:
            raise
        from handlers.terminal import fail

        fail(reason)
        sys.exit(1)


def mendable(error: Exception) -> str | None:
    """Say what a person can do something about, or null."""
    from sqlalchemy.exc import DBAPIError

    from dedup_core.errors import EventDedupError
    from infra.outages import in_short

    if isinstance(error, DBAPIError):
        return f"the database: {in_short(error)}"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return str(error) if isinstance(error, EventDedupError | UnicodeDecodeError) else None


if __name__ == "__main__":
    main()
