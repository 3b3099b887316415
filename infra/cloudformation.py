"""CloudFormation's custom resources: a function that a deployment calls, and waits for.

The answer goes to an address that CloudFormation signed. Where it gets lost the deployment waits out the resource's ServiceTimeout and
fails, and so does one whose function dies before it answers.
"""

import urllib.request
from collections.abc import Mapping
from typing import Any, Final

import orjson

REASON_CHARACTERS: Final = 1000
"""Of a failure's reason; the whole answer may have 4,096 bytes."""


def is_request(event: Mapping[str, Any]) -> bool:
    """Whether CloudFormation calls, and waits for an answer."""
    return "RequestType" in event and "ResponseURL" in event


def answer(event: Mapping[str, Any], *, failure: str | None = None) -> None:
    """Tell CloudFormation that what it asked for is done, or why it is not.

    The resource's physical id stays the same for ever: a new one would make CloudFormation delete the old.
    """
    body = orjson.dumps(
        {
            "Status": "SUCCESS" if failure is None else "FAILED",
            "Reason": (failure or "done")[:REASON_CHARACTERS],
            "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
            **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
        }
    )
    # The signature covers an empty content type, and urllib would name one of its own.
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own address
        event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass
