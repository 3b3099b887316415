"""Aliases of functions, which LocalStack's CloudFormation can't change.

Where a function changes it takes each alias of it for another one, makes that first, which fails as there is one of its name, and rolls back: the stack
then has neither outputs nor the alias, and says that it is complete.
"""

from typing import Any

from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
from localstack.services.lambda_.resource_providers.lambda_alias import LambdaAliasProvider

_created = LambdaAliasProvider.create


def _create(provider: Any, request: Any) -> Any:
    """Point an alias that is there already to the new version, or make it."""
    model, functions = request.desired_state, request.aws_client_factory.lambda_
    named = {"FunctionName": model["FunctionName"], "Name": model["Name"]}
    try:
        found = functions.get_alias(**named)
    except functions.exceptions.ResourceNotFoundException:
        return _created(provider, request)
    if not request.custom_context:  # else this is the second look at one that was made a moment ago
        functions.update_alias(**named, FunctionVersion=model["FunctionVersion"])
    return ProgressEvent(OperationStatus.SUCCESS, resource_model={**model, "Id": found["AliasArn"]})


def _delete(_: Any, request: Any) -> Any:
    """Leave it: what is to go is the one that was pointed elsewhere, or goes with its function."""
    return ProgressEvent(OperationStatus.SUCCESS, resource_model=request.previous_state)


def keep_aliases() -> None:
    """Let aliases be changed; a second call changes nothing."""
    LambdaAliasProvider.create = _create
    LambdaAliasProvider.delete = _delete
