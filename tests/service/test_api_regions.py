"""A key sees and changes its own region's complaints and no others, on every route that there is."""

import json

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from test_roles import calls

from service.context import Service

HERE, SISTER = "望湖区", "东岭区"
TEXT = "柳堤街道的路灯坏了两周，天黑以后老人不敢出门。"
BODIES = {
    ("POST", "/v1/complaints"): {"text": TEXT, "region": HERE},
    ("PUT", "/v1/complaints/{complaint_id}"): {"text": "别的", "region": SISTER},
    ("POST", "/v1/complaints/{complaint_id}/turns"): {"turns": [{"speaker": "citizen", "text": "补充"}]},
    ("POST", "/v1/complaints/{complaint_id}/answers"): {"office": "东岭区城管局", "text": "已办"},
}
REFERENCE = {"/v1/models", "/v1/regions", "/v1/taxonomies", "/metrics", "/v1/analyse", "/v1/feed/stream"}
"""Routes that neither return nor change complaints; the stream has its own test below."""


@pytest.fixture
def held(http: TestClient, key_for, service: Service) -> dict[str, str]:
    """A complaint of one county with an answer, indexed and in a case."""
    record = http.post("/v1/complaints", json={"text": TEXT, "region": HERE}, headers=key_for("admin")).json()
    path = f"/v1/complaints/{record['complaint_id']}"
    http.post(f"{path}/answers", json={"office": "望湖区城管局", "text": "已修复"}, headers=key_for("admin"))
    http.get(f"{path}/original", headers=key_for("admin"))
    service.jobs.drain()
    return http.get(path, headers=key_for("admin", HERE)).json()


def test_its_own_region_sees_it(http: TestClient, key_for, held):
    own = key_for("admin", HERE)
    assert held["case_id"]
    assert http.get("/v1/search", params={"q": "路灯"}, headers=own).json()["total"] == 1
    assert len(http.get("/v1/cases?min_size=1", headers=own).json()["cases"]) == 1
    assert http.get(f"/v1/cases/{held['case_id']}", headers=own).status_code == 200
    assert http.get("/v1/feed", headers=own).json()["events"]
    assert http.get("/v1/audit", headers=own).json()["entries"]


def test_a_sister_region_sees_nothing_on_any_route(app: FastAPI, http: TestClient, key_for, held):
    sister = key_for("admin", SISTER)
    walked = 0
    for method, template, action in calls(app):
        if action is None or template in REFERENCE:
            continue
        walked += 1
        path = template.replace("{complaint_id}", held["complaint_id"]).replace("{case_id}", held["case_id"])
        if template == "/v1/complaints:bulk":
            line = json.dumps(BODIES["POST", "/v1/complaints"]).encode()
            answer = http.post(path, content=line, headers={**sister, "Content-Type": "application/x-ndjson"})
            assert [json.loads(row)["status"] for row in answer.text.splitlines()] == [403]
            continue
        params = {"/v1/search": {"q": "路灯"}, "/v1/cases": {"min_size": 1}}.get(template)
        body = BODIES.get((method, template))
        if template == "/v1/labels":
            body = {"complaint_id": held["complaint_id"], "version": 1, "kind": "建议"}
        answer = http.request(method, path, json=body, params=params, headers=sister)
        where = f"{method} {template}: {answer.status_code} {answer.text}"
        if "{" in template or template == "/v1/labels":
            assert answer.status_code == 404, where
        elif method == "POST":
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:yanpan:problem:region-forbidden"), where
        else:
            assert answer.status_code == 200, where
        assert "路灯" not in answer.text, where
        assert held["complaint_id"] not in answer.text, where
        assert held["case_id"] not in answer.text, where
    assert walked >= 15


def test_it_is_unchanged_afterwards(app: FastAPI, http: TestClient, key_for, held):
    test_a_sister_region_sees_nothing_on_any_route(app, http, key_for, held)
    after = http.get(f"/v1/complaints/{held['complaint_id']}", headers=key_for("admin")).json()
    assert (after["version"], after["status"], after["text"]) == (1, "active", TEXT)


def test_a_county_may_not_submit_for_the_city_or_move_a_complaint_out(http: TestClient, key_for, held):
    own = key_for("admin", HERE)
    assert http.post("/v1/complaints", json={"text": TEXT}, headers=own).status_code == 403
    path = f"/v1/complaints/{held['complaint_id']}"
    assert http.put(path, json={"text": TEXT, "region": SISTER}, headers=own).status_code == 403


def test_a_sister_learns_nothing_of_an_id_that_is_taken(http: TestClient, key_for):
    """The same source and external id in another region: no version, no id, no text."""
    body = {"source": "app", "external_id": "A-1", "text": TEXT, "region": HERE}
    record = http.post("/v1/complaints", json=body, headers=key_for("hotline", HERE)).json()
    answer = http.post("/v1/complaints", json={**body, "region": SISTER}, headers=key_for("hotline", SISTER))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:yanpan:problem:id-taken")
    assert "路灯" not in answer.text
    assert record["complaint_id"] not in answer.text


def test_facets_and_filters_stay_inside(http: TestClient, key_for, held):
    sister = key_for("admin", SISTER)
    for params in ({}, {"region": HERE}, {"region": "云州市"}, {"case_id": held["case_id"]}):
        page = http.get("/v1/search", params=params, headers=sister).json()
        assert (page["total"], page["hits"]) == (0, [])
        assert not any(page["facets"].values())
