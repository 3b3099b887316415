import importlib
import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from handlers import wiring
from tests.deploy.tools import tool
from tests.deploy.translating import ROOT, SECRET, name_in, resources, source, translated
from tests.handlers.conftest import forget_wiring

FUNCTIONS = {"Ingest", "Match", "Sweep", "Api", "Migrate"}
TEMPLATES = ["template.yaml", "infra/monitoring/template.yaml", "infra/database.yaml", "infra/registry.yaml"]
ANYTHING = {"WriteTraces", "PlugIntoVpc", "ButNotTheCode"}
"""Statements whose actions AWS does not let anybody narrow down to resources."""


def mappings() -> Iterator[tuple[Any, Any, Any]]:
    """Give each queue's mapping, the queue and the function behind it."""
    for mapping in resources("AWS::Lambda::EventSourceMapping").values():
        queue = resources("AWS::SQS::Queue")[name_in(mapping["EventSourceArn"])]
        yield mapping, queue, resources("AWS::Lambda::Function")[name_in(mapping["FunctionName"])]


def statements() -> Iterator[Any]:
    """Give all statements of all policies, the conditional ones too."""
    for properties in (r.get("Properties", {}) for r in translated()["Resources"].values()):
        documents = [properties.get("PolicyDocument"), properties.get("AssumeRolePolicyDocument")]
        documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for document in filter(None, documents):
            for statement in document["Statement"]:
                yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# --- linters ------------------------------------------------------------------------------------------------------------------


def test_it_translates_and_its_translation_is_clean(tmp_path: Path) -> None:
    path = tmp_path / "translated.json"
    path.write_text(json.dumps(translated()))
    (tmp_path / "infra").symlink_to(ROOT / "infra")
    # W3005: SAM names dependencies that references imply. W3002: the nested template is packaged by `sam deploy`.
    allowed = ["--ignore-checks", "W3005", "W3002", "--regions", "eu-central-1"]

    found = tool("cfn-lint", *allowed, "--", str(path))

    assert found.returncode == 0, found.stdout


def test_linters_are_content() -> None:
    linted = tool("cfn-lint", "--regions", "eu-central-1", "--", *TEMPLATES)
    checked = tool("checkov", "--config-file", ".checkov.yaml", "--output", "json", "--file", *TEMPLATES)

    assert linted.returncode == 0, linted.stdout
    assert checked.returncode == 0, checked.stdout
    reports = json.loads(checked.stdout)
    reports = reports if isinstance(reports, list) else [reports]
    (found,) = [one for one in reports if one["check_type"] == "cloudformation"]
    assert found["summary"]["resource_count"] > 60  # those of all four
    assert found["summary"]["parsing_errors"] == 0


def test_checkov_is_content_with_what_cloudformation_gets_too(tmp_path: Path) -> None:
    path = tmp_path / "translated.json"
    path.write_text(json.dumps(translated()))

    checked = tool("checkov", "--config-file", ".checkov.yaml", "--output", "json", "--file", str(path))

    found = json.loads(checked.stdout)
    assert checked.returncode == 0, [one["check_id"] for one in found["results"]["failed_checks"]]
    assert found["summary"]["parsing_errors"] == 0
    assert found["summary"]["resource_count"] >= len(translated()["Resources"]) - 5


def suppressions() -> Iterator[tuple[str, str, str]]:
    """Give each suppressed check of a linter: where, which, why. In the linter's file, in a resource's Metadata, or in a line's comment."""
    for line in (ROOT / ".checkov.yaml").read_text().splitlines():
        if found := re.match(r"\s+- (CKV\w+)\s*(?:# (.*))?$", line):
            yield ".checkov.yaml", found[1], found[2] or ""
    for path in TEMPLATES:
        for name, resource in source(path)["Resources"].items():
            for one in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
                yield f"{path}: {name}", one["id"], one.get("comment", "")
        for line in (ROOT / path).read_text().splitlines():
            if "ignore_checks" in line or "checkov:skip" in line:
                yield path, line.strip(), line.partition("#")[2]
    for path in ("Dockerfile", "infra/docker/localstack.Dockerfile"):
        for line in (ROOT / path).read_text().splitlines():
            if "hadolint ignore" in line:
                yield path, line, line.partition("ignore=")[2].partition(" ")[2]


def test_each_suppressed_check_carries_its_reason() -> None:
    found = list(suppressions())

    assert {place.split(":")[0] for place, _, _ in found} >= {
        ".checkov.yaml",
        "template.yaml",
        "infra/database.yaml",
        "infra/registry.yaml",
    }
    assert [(place, check) for place, check, reason in found if len(reason.split()) < 4] == []


# --- queues -------------------------------------------------------------------------------------------------------------------


def test_a_message_stays_hidden_for_six_times_as_long_as_its_function_may_run() -> None:
    found = [(queue["VisibilityTimeout"], function["Timeout"]) for _, queue, function in mappings()]

    assert len(found) == 2
    assert all(visibility >= 6 * timeout for visibility, timeout in found)


def test_both_queues_get_back_only_what_failed() -> None:
    assert [mapping["FunctionResponseTypes"] for mapping, _, _ in mappings()] == [
        ["ReportBatchItemFailures"]
    ] * 2


def test_a_fifo_queue_gives_ten_messages_at_most_and_without_a_window() -> None:
    (fifo,) = [mapping for mapping, queue, _ in mappings() if queue.get("FifoQueue")]

    assert fifo["BatchSize"] <= 10
    assert "MaximumBatchingWindowInSeconds" not in fifo
    assert "ScalingConfig" not in fifo


def test_the_concurrency_of_a_queue_is_what_aws_allows() -> None:
    (standard,) = [mapping for mapping, queue, _ in mappings() if not queue.get("FifoQueue")]

    assert 2 <= standard["ScalingConfig"]["MaximumConcurrency"] <= 1000


def test_what_fails_again_and_again_lies_for_14_days_in_a_dead_letter_queue_of_the_same_kind() -> None:
    queues = resources("AWS::SQS::Queue")
    redriven = {name: queue for name, queue in queues.items() if "RedrivePolicy" in queue}

    assert {name_in(mapping["EventSourceArn"]) for mapping, _, _ in mappings()} == set(redriven)
    for queue in redriven.values():
        dead = queues[name_in(queue["RedrivePolicy"]["deadLetterTargetArn"])]
        assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
        assert dead.get("FifoQueue") == queue.get("FifoQueue")
        assert dead["MessageRetentionPeriod"] == 14 * 86_400


@pytest.mark.parametrize("kind", ["AWS::SQS::Queue", "AWS::S3::Bucket"])
def test_queues_and_buckets_are_encrypted_and_refuse_what_comes_without_tls(kind: str) -> None:
    found = resources(kind)
    over_tls = {
        name_in(listed(statement["Resource"])[0])
        for statement in statements()
        if statement["Effect"] == "Deny" and "aws:SecureTransport" in str(statement.get("Condition"))
    }

    assert set(found) <= over_tls
    for properties in found.values():
        assert properties.get("SqsManagedSseEnabled") or properties.get("BucketEncryption")


def test_the_matcher_is_alone_unless_the_account_is_too_small() -> None:
    match = resources("AWS::Lambda::Function")["MatchFunction"]
    invoked = {name_in(one["FunctionName"]) for one in resources("AWS::Lambda::Permission").values()}

    assert match["ReservedConcurrentExecutions"] == {"Fn::If": ["ReservesMatch", 1, {"Ref": "AWS::NoValue"}]}
    assert "MatchFunction" not in invoked


# --- buckets ------------------------------------------------------------------------------------------------------------------


def test_buckets_keep_versions_are_nobody_elses_and_outlive_the_stack() -> None:
    for name, bucket in resources("AWS::S3::Bucket").items():
        whole = translated()["Resources"][name]

        assert whole["DeletionPolicy"] == whole["UpdateReplacePolicy"] == "Retain"
        assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_only_uploads_are_announced_and_ingest_writes_elsewhere() -> None:
    announcing = [n for n, b in resources("AWS::S3::Bucket").items() if "NotificationConfiguration" in b]
    role = resources("AWS::IAM::Role")["IngestRole"]
    actions = [s for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]]
    written = [r for s in actions if "s3:PutObject" in listed(s["Action"]) for r in listed(s["Resource"])]

    assert announcing == ["UploadsBucket"]
    assert written
    assert all(r["Fn::Sub"].startswith("${ResultsBucket.Arn}/") for r in written)


def test_only_this_account_s_bucket_may_announce() -> None:
    (allowed,) = [s for s in statements() if s.get("Sid") == "TheBucketAnnounces"]
    bucket = resources("AWS::S3::Bucket")["UploadsBucket"]["BucketName"]["Fn::Sub"]

    assert allowed["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"].endswith(f":s3:::{bucket}")
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    # Named and not referred to: a reference would be a circle of bucket, queue, policy.
    assert translated()["Resources"]["UploadsBucket"]["DependsOn"] == "UploadQueuePolicy"


# --- permissions --------------------------------------------------------------------------------------------------------------


def test_each_function_has_a_role_of_its_own() -> None:
    roles = [name_in(function["Role"]) for function in resources("AWS::Lambda::Function").values()]

    assert sorted(roles) == sorted(f"{name}Role" for name in FUNCTIONS)


def test_nobody_may_do_everything_or_to_everything() -> None:
    allowed = [s for s in statements() if s["Effect"] == "Allow"]

    assert [s for s in allowed if any("*" in action for action in listed(s["Action"]))] == []
    assert [
        s for s in allowed if "*" in map(str, listed(s.get("Resource", []))) and s["Sid"] not in ANYTHING
    ] == []
    assert [s for s in allowed if s.get("Principal") in ("*", {"AWS": "*"})] == []


def test_services_act_for_this_account_only() -> None:
    services = [s for s in statements() if s["Effect"] == "Allow" and "Service" in s.get("Principal", {})]
    others = [s for s in services if s["Action"] != "sts:AssumeRole"]
    account = {"Ref": "AWS::AccountId"}

    assert {s["Sid"] for s in others} == {"TheBucketAnnounces", "AlarmsTell"}
    assert all("aws:SourceArn" in str(s["Condition"]) for s in others)
    assert len(services) - len(others) == len(FUNCTIONS)
    assert all(s["Condition"]["StringEquals"]["aws:SourceAccount"] == account for s in services)
    permissions = {one["Principal"]: one for one in resources("AWS::Lambda::Permission").values()}
    assert set(permissions) == {"apigateway.amazonaws.com", "events.amazonaws.com"}
    assert all(one["SourceArn"] for one in permissions.values())
    assert permissions["apigateway.amazonaws.com"]["SourceAccount"] == account
    # EventBridge's guide, Troubleshooting: with a SourceAccount it can't invoke the function. The rule's ARN names the account.
    assert "SourceAccount" not in permissions["events.amazonaws.com"]


def test_the_clock_wakes_the_sweep_and_nothing_else() -> None:
    (rule,) = resources("AWS::Events::Rule").values()
    permission = resources("AWS::Lambda::Permission")["SweepFunctionClockPermission"]

    assert rule["ScheduleExpression"] == "rate(15 minutes)"
    assert [name_in(target["Arn"]) for target in rule["Targets"]] == ["SweepFunction"]
    assert name_in(permission["FunctionName"]) == "SweepFunction"
    assert permission["SourceArn"] == {"Fn::GetAtt": ["SweepFunctionClock", "Arn"]}


def test_no_managed_policy_of_aws_widens_a_role() -> None:
    for role in resources("AWS::IAM::Role").values():
        assert role["ManagedPolicyArns"] == [{"Ref": "FunctionBasics"}]


# --- functions ----------------------------------------------------------------------------------------------------------------


@cache
def functions() -> dict[str, Any]:
    return {
        name.removesuffix("Function"): properties
        for name, properties in resources("AWS::Lambda::Function").items()
    }


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_its_command_exists_and_its_logs_end_and_its_calls_are_traced(name: str) -> None:
    function = functions()[name]
    (command,) = function["ImageConfig"]["Command"]
    module, _, handler = command.rpartition(".")
    logs = resources("AWS::Logs::LogGroup")[name_in(function["LoggingConfig"]["LogGroup"])]

    assert callable(getattr(importlib.import_module(module), handler))
    assert logs["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["PackageType"] == "Image"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_its_variables_are_all_that_it_needs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = functions()[name]["Environment"]["Variables"]
    parameters = source()["Parameters"]
    for variable, value in {**variables, "EVENT_DEDUP_DATABASE_SECRET_ARN": SECRET}.items():
        of = parameters.get(value.get("Ref"), {}) if isinstance(value, dict) else {}
        if variable.startswith("EVENT_DEDUP_"):
            monkeypatch.setenv(variable, str(of.get("Default", value)))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(wiring, "database_url", lambda client, arn: "postgresql://a:b@127.0.0.1:1/c")
    forget_wiring()

    getattr(wiring, f"for_{name.lower()}")()

    forget_wiring()


def test_the_schema_is_migrated_by_new_code_before_any_other_function_gets_it() -> None:
    migration = translated()["Resources"]["Migration"]
    version = translated()["Resources"][name_in(migration["Properties"]["Code"])]
    depending = {
        n for n, r in translated()["Resources"].items() if "Migration" in listed(r.get("DependsOn", []))
    }

    assert name_in(migration["Properties"]["ServiceToken"]) == "MigrateFunction"
    assert version["Type"] == "AWS::Lambda::Version"
    assert depending == {f"{name}Function" for name in FUNCTIONS - {"Migrate"}}
    assert migration["Properties"]["ServiceTimeout"] > functions()["Migrate"]["Timeout"]


# --- API ----------------------------------------------------------------------------------------------------------------------


def test_the_api_is_throttled_and_every_route_asks_who_calls() -> None:
    (stage,) = resources("AWS::ApiGatewayV2::Stage").values()
    routes = resources("AWS::ApiGatewayV2::Route")

    assert {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= set(stage["DefaultRouteSettings"])
    assert stage["AccessLogSettings"]
    assert routes
    asked = {
        "Fn::If": ["KeysAlone", "NONE", {"Fn::If": ["HasJwt", "JWT", "AWS_IAM"]}]
    }  # NONE: the function asks
    assert all(route["AuthorizationType"] == asked for route in routes.values())
    assert source()["Parameters"]["ApiKeysAlone"]["Default"] == "false"
    urls = [one for one in translated()["Resources"].values() if one["Type"] == "AWS::Lambda::Url"]
    assert [url["Condition"] for url in urls] == ["OnLaptop"]
    assert not any("CorsConfiguration" in api for api in resources("AWS::ApiGatewayV2::Api").values())


# --- what an account has besides ------------------------------------------------------------------------------------------------


def test_the_database_of_ours_is_serverless_shut_off_and_reached_by_endpoints_alone() -> None:
    found = source("infra/database.yaml")
    own = {name: one["Properties"] for name, one in found["Resources"].items()}
    kinds = {name: one["Type"] for name, one in found["Resources"].items()}
    (cluster,) = [own[name] for name, kind in kinds.items() if kind == "AWS::RDS::DBCluster"]
    endpoints = {
        one["ServiceName"]["Fn::Sub"].rsplit(".", 1)[1]
        for n, one in own.items()
        if kinds[n] == "AWS::EC2::VPCEndpoint"
    }

    assert cluster["Engine"] == "aurora-postgresql"
    assert cluster["ServerlessV2ScalingConfiguration"]
    assert cluster["StorageEncrypted"]
    assert endpoints == {"s3", "sqs", "secretsmanager"}
    assert not {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway"} & set(kinds.values())
    assert set(found["Outputs"]) == {"DatabaseSecretArn", "SubnetIds", "SecurityGroupIds"}
    assert set(found["Outputs"]) <= set(source()["Parameters"])


def test_images_are_scanned_when_they_are_pushed() -> None:
    (repository,) = source("infra/registry.yaml")["Resources"].values()

    assert repository["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["DeletionPolicy"] == "Retain"


# --- alarms and documents -----------------------------------------------------------------------------------------------------


def alarms() -> dict[str, Any]:
    return {
        alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-"): alarm
        for alarm in resources("AWS::CloudWatch::Alarm").values()
    }


def test_what_must_not_pass_unseen_raises_an_alarm() -> None:
    watched = {
        (alarm.get("MetricName"), name_in(alarm["Dimensions"][0]["Value"]))
        for alarm in alarms().values()
        if "Dimensions" in alarm and isinstance(alarm["Dimensions"][0]["Value"], dict)
    }

    assert {
        ("ApproximateNumberOfMessagesVisible", "UploadDeadLetters"),
        ("ApproximateNumberOfMessagesVisible", "MatchDeadLetters"),
        ("ApproximateAgeOfOldestMessage", "UploadQueue"),
        ("ApproximateAgeOfOldestMessage", "MatchQueue"),
    } <= watched
    assert {"throttles", "matcher-behind", "no-files"} <= set(alarms())
    assert alarms()["no-files"]["Period"] == 86_400
    assert alarms()["no-files"]["TreatMissingData"] == "breaching"
    assert alarms()["matcher-behind"]["TreatMissingData"] == "breaching"  # as where no sweep runs at all


def test_alarms_on_our_own_metrics_watch_what_the_functions_count() -> None:
    own = [alarm for alarm in alarms().values() if isinstance(alarm.get("Namespace"), dict)]
    variables = translated()["Globals"] if "Globals" in translated() else functions()["Ingest"]["Environment"]

    assert len(own) >= 3
    for alarm in own:
        (dimension,) = alarm["Dimensions"]
        code = (ROOT / "handlers" / f"{dimension['Value']}.py").read_text()
        assert f'name="{alarm["MetricName"]}"' in code
        assert f'measures("{dimension["Value"]}")' in code
        assert alarm["Namespace"] == variables["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]


def test_the_runbook_has_a_part_for_each_alarm_and_no_other() -> None:
    runbook = (ROOT / "docs" / "RUNBOOK.md").read_text()

    assert set(re.findall(r"^### `([a-z-]+)`", runbook, re.MULTILINE)) == set(alarms())
    for slug, alarm in alarms().items():
        assert f'docs/RUNBOOK.md, "{slug}"' in alarm["AlarmDescription"]


def test_every_parameter_is_documented_and_every_environment_names_only_parameters_that_exist() -> None:
    guide = (ROOT / "docs" / "DEPLOY.md").read_text()
    parameters = set(source()["Parameters"])
    environments = tomllib.loads((ROOT / "samconfig.toml").read_text())
    del environments["version"]

    assert set(environments) - {"default"} == set(source()["Parameters"]["Environment"]["AllowedValues"])
    assert {name for name in parameters if f"`{name}`" not in guide} == set()
    for name, environment in environments.items():
        for command in environment.values():
            given = command["parameters"].get("parameter_overrides", [])
            assert {one.split("=", 1)[0] for one in given} <= parameters
        assert (
            name == "default"
            or f"Environment={name}" in environment["deploy"]["parameters"]["parameter_overrides"]
        )


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_there_is_an_event_to_try_each_function_with(name: str) -> None:
    event = json.loads((ROOT / "infra" / "events" / f"{name.lower()}.json").read_text())
    guide = (ROOT / "docs" / "DEPLOY.md").read_text()

    assert isinstance(event, dict)
    assert f"sam local invoke {name}Function" in guide


def test_the_dashboard_and_the_queries_are_what_cloudwatch_reads() -> None:
    found = source("infra/monitoring/template.yaml")["Resources"]
    dashboards = [r for r in found.values() if r["Type"] == "AWS::CloudWatch::Dashboard"]
    queries = [r for r in found.values() if r["Type"] == "AWS::Logs::QueryDefinition"]

    for dashboard in dashboards:
        body = json.loads(re.sub(r"\$\{[^}]+\}", "x", dashboard["Properties"]["DashboardBody"]["Fn::Sub"]))
        assert {widget["type"] for widget in body["widgets"]} <= {"metric", "log", "text", "alarm"}
        names = {
            metric[1]
            for w in body["widgets"]
            for metric in w["properties"].get("metrics", [])
            if metric[0].startswith("event-dedup")
        }
        code = "".join(path.read_text() for path in (ROOT / "handlers").glob("*.py"))
        assert {name for name in names if f'"{name.removeprefix("listings_")}"' not in code} == set()
    assert dashboards
    assert len(queries) >= 4


def test_no_yaml_here_is_written_for_a_reader_that_aws_has_not() -> None:
    for path in TEMPLATES:
        text = (ROOT / path).read_text()
        assert not any(isinstance(token, yaml.AnchorToken | yaml.AliasToken) for token in yaml.scan(text)), (
            path
        )
