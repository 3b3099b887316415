"""What an invocation leaves: its answer, and the lines that Lambda writes around a function's own."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer of a function. payload: JSON, as the function gave it; failed: it is an error."""

    payload: bytes
    failed: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """What an invocation used. max_memory_mb: of the whole process, since it began; null where nobody knows."""

    duration_ms: float
    memory_mb: int
    max_memory_mb: int | None


def error(kind: str, request_id: str, message: str) -> Outcome:
    """Write an error in Lambda's own words."""
    document = {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {message}"}
    return Outcome(json.dumps(document).encode(), failed=True)


def timed_out(request_id: str, timeout_s: float) -> Outcome:
    """Say that a function was ended because its time was up."""
    return error("Sandbox.Timedout", request_id, f"Task timed out after {timeout_s:.2f} seconds")


def exited(request_id: str, status: int) -> Outcome:
    """Say that a function's process ended before it answered. status: negative for a signal."""
    how = f"signal: {-status}" if status < 0 else f"exit status {status}"
    return error("Runtime.ExitError", request_id, f"Runtime exited with error: {how}")


def framed(request_id: str, version: str, written: str, usage: Usage, *, as_json: bool) -> str:
    """Put the platform's lines around what a function wrote; as JSON for functions whose log format is that."""
    if written and not written.endswith("\n"):
        written += "\n"
    billed = int(usage.duration_ms) + 1
    if as_json:
        numbers = {
            "durationMs": round(usage.duration_ms, 3),
            "billedDurationMs": billed,
            "memorySizeMB": usage.memory_mb,
        }
        if usage.max_memory_mb is not None:
            numbers["maxMemoryUsedMB"] = usage.max_memory_mb
        begin = _event("platform.start", {"requestId": request_id, "version": version})
        return begin + written + _event("platform.report", {"requestId": request_id, "metrics": numbers})
    used = "" if usage.max_memory_mb is None else f"\tMax Memory Used: {usage.max_memory_mb} MB"
    return (
        f"START RequestId: {request_id} Version: {version}\n{written}END RequestId: {request_id}\n"
        f"REPORT RequestId: {request_id}\tDuration: {usage.duration_ms:.2f} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {usage.memory_mb} MB{used}\n"
    )


def _event(kind: str, record: dict[str, object]) -> str:
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": time, "type": kind, "record": record}) + "\n"
