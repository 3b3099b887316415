"""Custom resources for LocalStack's CloudFormation, which in the free version passes them over as if they had succeeded.

As on AWS, a function is called with what CloudFormation asks for and an address for its answer, and the deployment waits: so the schema
is at head before the functions that need it are changed, and where the migration fails, so does the deployment.
"""

import json
import uuid
from typing import Any, Final

from botocore.exceptions import ClientError
from localstack import config
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)

BUCKET: Final = "event-dedup-custom-resources"
"""Where answers are put; in LocalStack an address needs no signature."""

PHYSICAL_ID: Final = "PhysicalResourceId"


class CustomResourceProvider(ResourceProvider):  # type: ignore[misc]
    """Calls the function that ``ServiceToken`` names."""

    TYPE = "AWS::CloudFormation::CustomResource"
    SCHEMA: Final = {
        "typeName": TYPE,
        "primaryIdentifier": [f"/properties/{PHYSICAL_ID}"],
        "readOnlyProperties": [f"/properties/{PHYSICAL_ID}"],
        "properties": {PHYSICAL_ID: {"type": "string"}, "ServiceToken": {"type": "string"}},
    }

    def create(self, request: ResourceRequest) -> ProgressEvent:
        """Ask for a new resource."""
        return _asked(request, "Create", {})

    def update(self, request: ResourceRequest) -> ProgressEvent:
        """Ask for a change."""
        before = request.previous_state or {}
        return _asked(request, "Update", {"OldResourceProperties": _given(before)})

    def delete(self, request: ResourceRequest) -> ProgressEvent:
        """Ask for the end."""
        return _asked(request, "Delete", {})


def _asked(request: ResourceRequest, kind: str, more: dict[str, Any]) -> ProgressEvent:
    wanted = request.desired_state or request.previous_state or {}
    known = wanted.get(PHYSICAL_ID) or (request.previous_state or {}).get(PHYSICAL_ID)
    key = f"{request.logical_resource_id}/{uuid.uuid4()}"
    event = {
        "RequestType": kind,
        "RequestId": str(uuid.uuid4()),
        "ResponseURL": f"{config.external_service_url()}/{BUCKET}/{key}",
        "StackId": request.stack_id,
        "LogicalResourceId": request.logical_resource_id,
        "ResourceType": request.resource_type,
        "ResourceProperties": _given(wanted),
        **({PHYSICAL_ID: known} if known else {}),
        **more,
    }
    answer = _called(request, str(wanted["ServiceToken"]), event, key)
    failed = answer.get("Status") != "SUCCESS"
    model = {**wanted, **answer.get("Data", {}), PHYSICAL_ID: answer.get(PHYSICAL_ID) or known or key}
    status = OperationStatus.FAILED if failed else OperationStatus.SUCCESS
    return ProgressEvent(status=status, resource_model=model, message=answer.get("Reason", ""))


def _given(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name != PHYSICAL_ID}


def _called(request: ResourceRequest, function: str, event: dict[str, Any], key: str) -> dict[str, Any]:
    """Call the function, and read the answer that it put to its address; one that put none has failed."""
    clients = request.aws_client_factory
    _make_bucket(clients.s3, request.region_name)
    called = clients.lambda_.invoke(FunctionName=function, Payload=json.dumps(event))
    try:
        answer: dict[str, Any] = json.loads(clients.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    except ClientError:
        said = called["Payload"].read().decode(errors="replace")[:1000]
        return {"Status": "FAILED", "Reason": f"{function} did not answer; it returned {said}"}
    return answer


def _make_bucket(s3: Any, region: str) -> None:
    try:
        s3.head_bucket(Bucket=BUCKET)
    except ClientError:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
