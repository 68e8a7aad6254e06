"""The table of role and action, walked over every route of the application, and the regions likewise."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient

from data_contracts.taxonomy import taxonomy
from service.access.roles import ACTIONS, ROLE_ACTIONS, allows
from service.http.route import ACTION, OPEN

OPEN_PATHS = {"/healthz", "/readyz"}
DOCUMENTATION = {"/openapi.json", "/docs", "/docs/oauth2-redirect"}
NOBODY = str(uuid4())

Call = tuple[str, str, dict[str, Any]]


def routes(app: FastAPI) -> list[APIRoute]:
    """Every route of the API, whatever router holds it."""
    found = [context.original_route for context in iter_route_contexts(app.routes)]
    return [route for route in found if isinstance(route, APIRoute) and route.path not in DOCUMENTATION]


def calls(app: FastAPI) -> list[tuple[str, str, str | None]]:
    """Method, path and action of every route."""
    return [
        (method, route.path, (route.openapi_extra or {}).get(ACTION))
        for route in routes(app)
        for method in sorted(route.methods or ())
    ]


def test_the_table_knows_the_roles_of_the_taxonomy_and_no_others():
    assert set(ROLE_ACTIONS) == set(taxonomy("role").codes)


def test_every_action_is_allowed_to_somebody_and_unknown_roles_may_nothing():
    for action in ACTIONS:
        assert any(action in actions for actions in ROLE_ACTIONS.values())
        assert not allows("root", action)


def test_originals_are_for_few():
    able = {role for role, actions in ROLE_ACTIONS.items() if "complaint.original" in actions}
    assert able == {"reviewer", "centre", "department", "admin"}


def test_every_route_declares_its_action(app: FastAPI):
    seen = calls(app)
    assert len(seen) > 20
    for method, path, action in seen:
        assert (action is None) == (path in OPEN_PATHS), f"{method} {path}"
        assert action is None or action in ACTIONS
    for route in routes(app):
        assert (OPEN in (route.openapi_extra or {})) == (route.path in OPEN_PATHS)


def test_every_action_of_the_table_has_a_route(app: FastAPI):
    declared = {action for _, _, action in calls(app)}
    assert set(ACTIONS) - declared <= {"key.manage"}, "keys are managed on the command line"


def test_routes_without_a_key_answer_401_before_anything_else(app: FastAPI, http: TestClient):
    for method, path, action in calls(app):
        if action is None:
            continue
        address = path.replace("{complaint_id}", "not-even-an-id").replace("{case_id}", "x")
        answer = http.request(method, f"{address}?nonsense=1", content=b"\xff{" if method != "GET" else None)
        assert answer.status_code == 401, f"{method} {path}"
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("role", list(ROLE_ACTIONS))
def test_each_role_may_do_on_each_route_what_the_table_says(app: FastAPI, http: TestClient, key_for, role: str):
    headers = key_for(role)
    for method, path, action in calls(app):
        if action is None:
            continue
        # The query parameter is wrong on every route: whoever is let in is told so, and nothing is changed.
        address = path.replace("{complaint_id}", NOBODY).replace("{case_id}", NOBODY)
        answer = http.request(method, f"{address}?nonsense=1", headers=headers)
        expected = 422 if allows(role, action) else 403
        assert answer.status_code == expected, f"{role}: {method} {path} ({action}): {answer.text}"


def test_open_routes_are_open(http: TestClient):
    for path in (*OPEN_PATHS, "/openapi.json", "/docs"):
        assert http.get(path).status_code in (200, 503), path


def test_the_documentation_needs_nothing_from_elsewhere(http: TestClient):
    page = http.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    assets = [piece.split('"')[0] for piece in page.replace("'", '"').split('"/static-offline-docs/')[1:]]
    assert len(assets) >= 3
    for name in assets:
        assert http.get(f"/static-offline-docs/{name}").status_code == 200, name
