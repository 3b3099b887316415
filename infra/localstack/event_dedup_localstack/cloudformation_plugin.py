"""What LocalStack's CloudFormation finds by its entry point; apart from plugin.py, as it imports much more."""

from typing import Any

from localstack.services.cloudformation.resource_provider import CloudFormationResourceProviderPlugin


class CustomResourcePlugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc]
    """``Custom::…`` and ``AWS::CloudFormation::CustomResource``."""

    name = "AWS::CloudFormation::CustomResource"
    factory: type | None = None

    def load(self, *_args: Any, **_kwargs: Any) -> None:
        """Say which class it is; LocalStack asks the plugin for it afterwards."""
        from .custom_resource import CustomResourceProvider  # noqa: PLC0415

        self.factory = CustomResourceProvider
