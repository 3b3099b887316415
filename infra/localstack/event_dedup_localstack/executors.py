"""The executors as LocalStack calls them: they translate, what runs stands in process.py and rie.py.

Configured by the environment of LocalStack:
    EVENT_DEDUP_FUNCTION_PYTHON, EVENT_DEDUP_FUNCTION_FOLDER   ``process``: the interpreter and the folder of the functions
    EVENT_DEDUP_FUNCTION_ADDRESS                               ``rie``: a function's container, ``{name}:8080`` if unset
"""

import logging
import os
import time
from pathlib import Path
from typing import Any, Final

from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from . import rie
from .outcomes import Outcome, Usage, framed
from .process import START_S, FunctionProcess, InitError, Program

LOG = logging.getLogger(__name__)

INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What a function sees of LocalStack's own environment; all else is what the template gives it."""


def handler_of(version: FunctionVersion) -> str:
    """Find ``module.function``: the command of an image, or the handler of a zip."""
    image = version.config.image_config
    command = (image.command if image else None) or [version.config.handler]
    return str(command[0])


class _Executor(RuntimeExecutor):  # type: ignore[misc]
    """What the two have in common: everything is on this machine, and nothing has to be prepared."""

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return "http://127.0.0.1"

    def get_logs(self) -> str:
        return ""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Nothing: an image is not pulled."""

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing."""

    def _result(self, payload: dict[str, str], outcome: Outcome, written: str, usage: Usage) -> Any:
        config, request_id = self.function_version.config, payload["invoke-id"]
        as_json = (config.logging_config or {}).get("LogFormat") == "JSON"
        logs = framed(request_id, self.function_version.id.qualifier, written, usage, as_json=as_json)
        return InvocationResult(request_id, outcome.payload, is_error=outcome.failed, logs=logs)


class ProcessExecutor(_Executor):
    """Runs a function as a process of the project's environment."""

    _function: FunctionProcess | None = None

    def start(self, env_vars: dict[str, str]) -> None:
        """Start the process, and wait until it has loaded the function."""
        self._function = FunctionProcess(self._program(env_vars))
        try:
            self._function.start()
        except InitError as error:
            LOG.warning(
                "%s can't be loaded: %s\n%s", handler_of(self.function_version), error, *error.__notes__
            )
            raise StatusErrorException(str(error), payload=error.payload) from error

    def _program(self, env_vars: dict[str, str]) -> Program:
        folder = Path(os.environ["EVENT_DEDUP_FUNCTION_FOLDER"])
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        given = {name: str(value) for name, value in env_vars.items() if value is not None}
        handler = handler_of(self.function_version)
        own = {"LAMBDA_TASK_ROOT": str(folder), "_HANDLER": handler, "PYTHONDONTWRITEBYTECODE": ""}
        return Program(
            python=Path(os.environ["EVENT_DEDUP_FUNCTION_PYTHON"]),
            folder=folder,
            handler=handler,
            environment={**inherited, **given, **own},
            timeout_s=self.function_version.config.timeout,
        )

    def invoke(self, payload: dict[str, str]) -> Any:
        """Call the function."""
        if self._function is None:
            raise RuntimeError("a function is called before it is started")
        try:
            outcome, written, usage = self._function.call(
                payload["invoke-id"],
                arn=payload["invoked-function-arn"],
                payload=payload["payload"].encode(),
                trace_id=payload.get("trace-id") or "",
                memory_mb=self.function_version.config.memory_size,
            )
        except InitError as error:
            raise StatusErrorException(str(error), payload=error.payload) from error
        return self._result(payload, outcome, written, usage)

    def stop(self) -> None:
        """End the process."""
        if self._function is not None:
            self._function.stop()


class RieExecutor(_Executor):
    """Calls a function in its container."""

    def start(self, env_vars: dict[str, str]) -> None:
        """Wait until the container takes calls. Its environment is set where it is started, not by ``env_vars``."""
        if not rie.wait_for(self._address, START_S):
            raise TimeoutError(f"{self._address} takes no calls")

    @property
    def _address(self) -> tuple[str, int]:
        pattern = os.environ.get("EVENT_DEDUP_FUNCTION_ADDRESS") or "{name}:8080"
        return rie.address_of(handler_of(self.function_version), pattern)

    def invoke(self, payload: dict[str, str]) -> Any:
        """Call the function; what it writes goes to its container's log, not to CloudWatch."""
        config = self.function_version.config
        # One that is just being replaced is waited for: the call would fail, and its message be hidden for half an hour.
        rie.wait_for(self._address, START_S)
        begun = time.monotonic()
        outcome = rie.call(
            self._address,
            payload["payload"].encode(),
            request_id=payload["invoke-id"],
            timeout_s=config.timeout,
        )
        usage = Usage((time.monotonic() - begun) * 1000, config.memory_size, None)
        return self._result(payload, outcome, "", usage)

    def stop(self) -> None:
        """Nothing: containers are not ours to stop."""
