"""The policy over HTTP: seen, planned, applied by who may and only as it was seen."""

import json
from typing import Any

import pytest
from jsonschema import validate

from dedup_core.policy import default_policy
from handlers import api, planning
from infra.store import Store
from tests.handlers.calling import call
from tests.store.uploads import run, save
from tests.unit.listings import listing

POLICY = default_policy()
DOCUMENT = POLICY.model_dump(mode="json")
STRICT = {**DOCUMENT, "version": "strict", "thresholds": {"match": 40, "ambiguous": 30, "floor": -20}}


@pytest.fixture
def deployed(deployed: Store) -> Store:
    """Give a store of two events, one of two listings."""
    concert = {"city": "Waldkirch", "venue": "Stadthalle"}
    for source in ("bwb", "rza"):
        row = listing(f"{source}:1", "Jazzkonzert mit dem Bregtal Quintett", "2026-05-02", "20:00", **concert)
        save(deployed, [row], key=f"{source}_1.json")
    save(deployed, [listing("tix:1", "Flohmarkt", "2026-06-07", city="Emmendingen")], key="tix_1.json")
    run(deployed)
    return deployed


def sent(
    method: str, path: str, body: object = None, *, role: str = "admin", seen: str | None = None
) -> tuple[int, Any]:
    headers = {"content-type": "application/json", **({} if seen is None else {"if-match": seen})}
    answer = call(path, headers, method=method, body=body, role=role)
    if answer["statusCode"] == 200:
        operation = json.loads(api.document())["paths"][path.split("?", maxsplit=1)[0]][method.lower()]
        validate(
            json.loads(answer["body"]), operation["responses"]["200"]["content"]["application/json"]["schema"]
        )
    return answer["statusCode"], json.loads(answer["body"] or "null")


def test_a_policy_is_seen_planned_applied_as_planned_and_remembered(deployed: Store) -> None:
    answer = call("/policy")
    etag = answer["headers"]["ETag"]
    again = call("/policy", {"if-none-match": etag})
    _, planned = sent("POST", "/policy/plan", {"policy": STRICT}, role="editor")
    status, done = sent(
        "PUT", "/policy", {"policy": STRICT, "token": planned["token"], "reason": "doubles"}, seen=etag
    )
    run_generation, _ = deployed.generations()
    now = json.loads(call("/policy")["body"])
    versions = json.loads(call("/policy/versions")["body"])["versions"]

    assert (etag, again["statusCode"]) == (f'"{POLICY.hash}"', 304)
    assert json.loads(answer["body"])["policy"] == DOCUMENT
    assert planned["counts"]["events"] == 2
    assert planned["counts"]["events_after"] == 3
    kinds = {change["kind"]: change for change in planned["changes"]}
    assert kinds["created"]["takes_from"] == [kinds["updated"]["canonical_id"]]
    assert kinds["updated"]["sources"] == ["bwb:1", "rza:1"]
    assert len(kinds["updated"]["sources_after"]) == 1
    assert (status, done["generation"]) == (200, run_generation)
    assert (now["policy"]["version"], now["applied"]["author"], now["applied"]["reason"]) == (
        "strict",
        "ada",
        "doubles",
    )
    assert [(one["author"], one["policy_hash"]) for one in versions] == [("ada", now["hash"])]
    assert json.loads(call(f"/policy/versions/{done['policy_id']}")["body"])["policy"] == now["policy"]
    assert call("/policy/versions/999")["statusCode"] == 404


def test_who_did_not_see_what_is_in_force_changes_nothing(deployed: Store) -> None:
    seen = f'"{POLICY.hash}"'
    _, planned = sent("POST", "/policy/plan", {"policy": STRICT})
    loose = {**DOCUMENT, "version": "loose"}

    refused = [
        sent("PUT", "/policy", {"policy": STRICT})[0],
        sent("PUT", "/policy", {"policy": STRICT}, seen='"abc"')[0],
        sent("PUT", "/policy", {"policy": STRICT}, seen=f'"abc", {seen}')[0],
        sent("PUT", "/policy", {"policy": loose, "token": planned["token"]}, seen=seen)[0],
        sent("PUT", "/policy", {"policy": STRICT}, seen=seen, role="editor")[0],
        sent("POST", "/policy/plan", {"policy": STRICT}, role="reader")[0],
    ]

    assert refused == [428, 412, 412, 409, 403, 403]
    assert planning.in_force(deployed, POLICY).applied is None


def test_a_wrong_policy_is_refused_field_by_field_and_nothing_of_it_repeated(deployed: Store) -> None:
    wrong = {**DOCUMENT, "blocking": {**DOCUMENT["blocking"], "geo_cell_km": -1}, "password": "hunter2"}

    status, told = sent("POST", "/policy/plan", {"policy": wrong})
    unknown, _ = sent("PUT", "/policy", {"policy": DOCUMENT, "secret": "x"}, seen="*")
    no_object, _ = sent("PUT", "/policy", {"policy": [1]}, seen="*")

    assert (status, unknown, no_object) == (422, 422, 422)
    assert {one["parameter"] for one in told["errors"]} == {"policy.blocking.geo_cell_km", "policy.password"}
    assert "hunter2" not in json.dumps(told)


def test_a_text_that_no_database_holds_is_refused_in_a_policy_and_in_its_reason(deployed: Store) -> None:
    wrong = [{"policy": {**STRICT, "version": "a\0b"}}, {"policy": STRICT, "reason": "a\0b"}]

    statuses = [sent("PUT", "/policy", body, seen="*")[0] for body in wrong]

    assert statuses == [422, 422]
    assert planning.in_force(deployed, POLICY).applied is None


def test_more_than_can_be_planned_while_someone_waits_is_refused(
    deployed: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MOST_WHILE_WAITING", 2)

    status, told = sent("POST", "/policy/plan", {"policy": STRICT})

    assert status == 413
    assert "event-dedup policy plan" in told["detail"]
