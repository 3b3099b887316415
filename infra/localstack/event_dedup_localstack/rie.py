"""A function as a container of its image: AWS's base images answer under the Runtime Interface Emulator (RIE).

RIE takes one call at a time and panics on a second, so calls wait for each other, those of all environments of a function. It answers
errors with 200, so they are known by their ``errorType``. It keeps the timeout itself, of AWS_LAMBDA_FUNCTION_TIMEOUT; ours is the longer one.
"""

import http.client
import json
import socket
import threading
import time
from collections import defaultdict
from typing import Final

from .outcomes import Outcome, error

PATH: Final = "/2015-03-31/functions/function/invocations"

GRACE_S: Final = 10
"""Seconds on top of a function's timeout, in which RIE says itself that it is up."""

_one_at_a_time: Final[defaultdict[tuple[str, int], threading.Lock]] = defaultdict(threading.Lock)


def address_of(handler: str, pattern: str) -> tuple[str, int]:
    """Find a function's container. handler: ``handlers.ingest.lambda_handler``; pattern: ``{name}:8080``, name being ``ingest``."""
    host, _, port = pattern.format(name=handler.split(".")[-2]).rpartition(":")
    return host, int(port)


def wait_for(address: tuple[str, int], seconds: float) -> bool:
    """Wait until a container takes calls; false when the time is up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def call(address: tuple[str, int], payload: bytes, *, request_id: str, timeout_s: float) -> Outcome:
    """Call a function in its container. A container that can't be reached is an error of the function, which its queue tries again."""
    with _one_at_a_time[address]:
        connection = http.client.HTTPConnection(*address, timeout=timeout_s + GRACE_S)
        try:
            connection.request("POST", PATH, payload, {"Content-Type": "application/json"})
            answer = connection.getresponse().read()
        except (OSError, http.client.HTTPException) as fault:
            return error("Runtime.ExitError", request_id, f"no answer of {address[0]}:{address[1]}: {fault}")
        finally:
            connection.close()
    return _read(answer, request_id)


def _read(answer: bytes, request_id: str) -> Outcome:
    """Tell an error by its form. What RIE itself has to say, of a timeout for example, is no JSON."""
    try:
        document = json.loads(answer or b"null")
    except ValueError:
        return error("Runtime.EmulatorError", request_id, answer.decode(errors="replace").strip())
    return Outcome(answer, failed=isinstance(document, dict) and "errorType" in document)
