from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.request import Request

from handlers import api, wiring
from handlers.access import who
from handlers.answers import answered
from handlers.declaring import declared
from infra.errors import NameTaken
from infra.keyring import REMEMBERED_S, Keyring
from infra.store import Store, keys
from tests.handlers.calling import call, gateway_event
from tests.handlers.conftest import CONTEXT, ROLES
from tests.store.uploads import rows

ANYWHERE = Router()


@ANYWHERE.post("/written", **declared("editor", {"type": "string"}))
def write(request: Request) -> Response[str]:
    return answered(who(request).name)


@ANYWHERE.get("/forgotten")
def forgotten() -> Response[str]:
    raise AssertionError("reached")


@pytest.fixture(autouse=True)
def deployed(deployed: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Give the function routes of the tests' own, too."""
    monkeypatch.setattr(api, "ROUTERS", (*api.ROUTERS, ANYWHERE))
    monkeypatch.setattr(api, "app", api.routed(APIGatewayHttpResolver()))
    return deployed


def key(store: Store, role: str, name: str = "ada") -> str:
    with store.engine.begin() as connection:
        return keys.add_key(connection, name=name, role=role, author="test")


def status(path: str, headers: dict[str, str], method: str = "GET") -> int:
    """Ask without anybody who vouches."""
    event = gateway_event(path, headers, method=method)
    return int(api.app.resolve(event, CONTEXT)["statusCode"])


def trail(store: Store) -> list[Any]:
    return rows(store.engine, "SELECT who, action, subject, detail->>'role' FROM audit ORDER BY audit_id")


@pytest.mark.parametrize(("role", "wrote"), [("reader", 403), ("editor", 200), ("admin", 200)])
def test_a_key_opens_what_its_role_may_and_a_write_that_was_refused_leaves_a_trace(
    deployed: Store, role: str, wrote: int
) -> None:
    shown = key(deployed, role)

    statuses = [status("/events", {"x-api-key": shown}), status("/written", {"x-api-key": shown}, "POST")]

    assert statuses == [200, wrote]
    refusals = [("ada", "refused", "POST /written", role)] if wrote == 403 else []
    assert trail(deployed) == [("test", "add_key", "key ada", role), *refusals]


def test_who_has_no_valid_key_gets_nothing_and_leaves_nothing(deployed: Store) -> None:
    shown = key(deployed, "admin")
    with deployed.engine.begin() as connection:
        assert keys.revoke_key(connection, "ada", author="test")
    before = trail(deployed)

    answer = call("/written", {"x-api-key": "edk_guessed"}, method="POST", role="admin")
    statuses = [
        status(path, headers, method)
        for path, method in (("/events", "GET"), ("/written", "POST"), ("/events?limit=wrong", "GET"))
        for headers in ({}, {"x-api-key": shown}, {"authorization": "Bearer edk_x"}, {"x-api-key": "\udcff"})
    ]

    assert (answer["statusCode"], answer["headers"]["WWW-Authenticate"]) == (401, "Bearer")
    assert set(statuses) == {401}
    assert trail(deployed) == before


@pytest.mark.parametrize("form", ["x-api-key", "authorization"])
def test_a_key_is_shown_by_its_header_or_as_a_bearers(deployed: Store, form: str) -> None:
    shown = key(deployed, "reader")

    assert status("/events", {form: shown if form == "x-api-key" else f"bearer  {shown}"}) == 200


@pytest.mark.parametrize(
    ("authoriser", "expected"),
    [
        ({"jwt": {"claims": {"sub": "u1", "cognito:groups": "[readers editors]"}}}, 200),
        ({"jwt": {"claims": {"sub": "u1", "cognito:groups": "readers"}}}, 403),
        ({"jwt": {"claims": {"sub": "u1", "cognito:groups": "[strangers]"}}}, 403),
        ({"jwt": {"claims": {"sub": "editors-not"}}}, 403),
        ({"iam": {"userArn": "arn:aws:sts::1:assumed-role/desk/ada"}}, 200),
        ({"iam": {"userArn": "arn:aws:sts::1:assumed-role/other/desk/ada"}}, 403),
        ({"iam": {"userArn": "arn:aws:sts::1:assumed-role/backend-editors/ada"}}, 200),
        ({"iam": {"userArn": "arn:aws:sts::1:assumed-role/other/x-editors"}}, 403),
        ({"iam": {"userArn": "arn:aws:sts::1:assumed-role/other/x-editors/ada"}}, 403),
        ({"jwt": {"claims": {}}}, 401),
        ({}, 401),
    ],
)
def test_whom_the_gateway_vouches_for_has_the_highest_role_that_fits(
    deployed: Store, monkeypatch: pytest.MonkeyPatch, authoriser: dict[str, Any], expected: int
) -> None:
    desk = ROLES.replace("{", '{"arn:aws:sts::1:assumed-role/desk/*": "editor", ', 1)
    desk = desk.replace("{", '{"arn:aws:sts::1:assumed-role/*-editors*": "editor", ', 1)
    desk = desk.replace("{", '{"arn:aws:sts::1:assumed-role/*-editors/*": "editor", ', 1)
    monkeypatch.setenv("EVENT_DEDUP_ROLES", desk)
    wiring.settings.cache_clear()
    event = gateway_event("/written", {}, method="POST", authoriser=authoriser)

    assert api.app.resolve(event, CONTEXT)["statusCode"] == expected


def test_a_route_that_declares_no_role_does_not_exist() -> None:
    assert call("/forgotten", role="admin")["statusCode"] == 404


def test_nothing_that_writes_is_open_to_anyone_and_each_route_names_its_role() -> None:
    document = api.app.get_openapi_schema(security_schemes=api.security_schemes()).model_dump(by_alias=True)

    open_routes = {
        (method, path)
        for path, item in document["paths"].items()
        for method in ("get", "put", "post", "delete", "patch")
        if item[method] and (item[method]["security"] or [{}]) == [{}]
    }

    assert open_routes == {("get", "/health"), ("get", "/ready"), ("get", "/forgotten")}


def test_a_path_names_the_methods_that_it_knows() -> None:
    answer = call("/written", role="admin")

    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "POST")


def test_no_answer_may_be_read_by_another_sites_page_or_guessed_at_by_a_browser(deployed: Store) -> None:
    origin = {"origin": "https://elsewhere.example", "access-control-request-method": "GET"}

    answers = [call(path, origin) for path in ("/events", "/nowhere")]
    preflight = call("/events", origin, method="OPTIONS")

    for answer in (*answers, preflight):
        names = {name.lower() for name in answer["headers"]}
        assert not any(name.startswith("access-control") for name in names)
        assert {"x-content-type-options", "content-security-policy", "cache-control"} <= names
    assert preflight["statusCode"] == 405


def test_a_key_is_kept_only_as_its_hash_and_revoked_within_seconds(deployed: Store) -> None:
    shown, now = key(deployed, "editor"), [0.0]
    ring = Keyring(deployed, lambda: now[0])

    before = ring.holder(shown)
    with deployed.engine.begin() as connection:
        keys.revoke_key(connection, "ada", author="test")
    meanwhile, now[0] = ring.holder(shown), REMEMBERED_S
    after = ring.holder(shown)

    assert (before, meanwhile, after) == (("ada", "editor"), ("ada", "editor"), None)
    kept = rows(deployed.engine, "SELECT api_keys::text, last_used_at IS NULL FROM api_keys")
    assert shown.removeprefix(keys.MARK) not in str(kept)
    assert kept[0][1] is False


def test_two_valid_keys_of_one_name_are_refused_until_one_is_revoked(deployed: Store) -> None:
    key(deployed, "reader")
    with pytest.raises(NameTaken, match="ada"):
        key(deployed, "editor")

    with deployed.engine.begin() as connection:
        keys.revoke_key(connection, "ada", author="test")
    key(deployed, "editor")

    with deployed.reading() as connection:
        listed = keys.list_keys(connection)
    assert [(row["role"], row["revoked_at"] is None) for row in listed] == [
        ("editor", True),
        ("reader", False),
    ]


def test_of_many_first_starts_at_once_one_makes_the_first_key(deployed: Store) -> None:
    def start(number: int) -> str | None:
        with deployed.engine.begin() as connection:
            return keys.first_key(connection, name=f"first {number}", role="admin", author="serve")

    with ThreadPoolExecutor(5) as pool:
        made = list(pool.map(start, range(5)))

    assert sum(each is not None for each in made) == 1
