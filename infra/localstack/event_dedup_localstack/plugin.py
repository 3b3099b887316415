"""What LocalStack finds by its entry points. Imports little: an import that fails here reads as "no component plugins found"."""

from typing import Any

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessExecutorPlugin(RuntimeExecutorPlugin):  # type: ignore[misc]
    """``LAMBDA_RUNTIME_EXECUTOR=process``."""

    name = "process"

    def load(self, *_args: Any, **_kwargs: Any) -> type:
        """Give the class of the executor."""
        from .aliases import keep_aliases  # noqa: PLC0415
        from .executors import ProcessExecutor  # noqa: PLC0415
        from .polling import wait_at_queues  # noqa: PLC0415

        keep_aliases()
        wait_at_queues()
        return ProcessExecutor


class RieExecutorPlugin(RuntimeExecutorPlugin):  # type: ignore[misc]
    """``LAMBDA_RUNTIME_EXECUTOR=rie``."""

    name = "rie"

    def load(self, *_args: Any, **_kwargs: Any) -> type:
        """Give the class of the executor."""
        from .aliases import keep_aliases  # noqa: PLC0415
        from .executors import RieExecutor  # noqa: PLC0415
        from .polling import wait_at_queues  # noqa: PLC0415

        keep_aliases()
        wait_at_queues()
        return RieExecutor
