"""What operators see: alive, ready, counted; and what user interfaces are offered."""

import time

from fastapi.testclient import TestClient
from sqlalchemy import text

from service.app import create_app
from service.context import Service


def parts(answer) -> dict[str, bool]:
    return {check["name"]: check["ok"] for check in answer.json()["checks"]}


def test_a_ready_service_says_so_part_by_part(http: TestClient):
    answer = http.get("/readyz")
    assert answer.status_code == 200, answer.text
    assert parts(answer) == dict.fromkeys(("database", "migrations", "jobs", "search", "model"), True)


def test_another_schema_is_not_ready(http: TestClient, service: Service):
    with service.sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    answer = http.get("/readyz")
    assert answer.status_code == 503
    assert [name for name, ok in parts(answer).items() if not ok] == ["migrations"]


def test_a_missing_queue_is_not_ready(http: TestClient, service: Service):
    with service.sessions.begin() as session:
        session.execute(text("ALTER TABLE procrastinate_jobs RENAME TO elsewhere"))
    answer = http.get("/readyz")
    assert answer.status_code == 503
    assert not parts(answer)["jobs"]
    assert "procrastinate" not in answer.text


def test_requests_and_complaints_are_counted_without_a_word_of_them(http: TestClient, key_for):
    hotline, admin = key_for("hotline"), key_for("admin")
    body = {"source": "app", "external_id": "A-1", "text": "路灯坏了", "region": "望湖区"}
    for _ in range(3):
        http.post("/v1/complaints", json=body, headers=hotline)
    http.get("/v1/search", params={"q": "路灯"}, headers=admin)
    http.get("/v1/no-such-address-路灯", headers=admin)
    sheet = http.get("/metrics", headers=key_for("dashboard"))
    assert sheet.headers["content-type"].startswith("text/plain")
    for row in (
        'yanpan_complaints_total{outcome="created"} 1.0',
        'yanpan_complaints_total{outcome="unchanged"} 2.0',
        'yanpan_requests_total{method="POST",route="/v1/complaints",status="201"} 1.0',
        'yanpan_requests_total{method="GET",route="-",status="404"} 1.0',
        "yanpan_jobs_open 1.0",
    ):
        assert row in sheet.text
    assert "路灯" not in sheet.text


def test_metrics_are_open_by_setting_only(http: TestClient, service: Service):
    assert http.get("/metrics").status_code == 401
    service.settings = service.settings.model_copy(update={"metrics_open": True, "worker_concurrency": 0})
    with TestClient(create_app(service)) as client:
        assert client.get("/metrics").status_code == 200
        assert client.get("/v1/search").status_code == 401


def test_the_worker_in_the_process_carries_jobs_out(service: Service, key_for):
    service.settings = service.settings.model_copy(update={"worker_concurrency": 1})
    headers = key_for("admin")
    service.warm()
    with TestClient(create_app(service)) as client:
        record = client.post("/v1/complaints", json={"text": "路灯坏了", "region": "望湖区"}, headers=headers).json()
        path = f"/v1/complaints/{record['complaint_id']}"
        for _ in range(600):
            if client.get(path, headers=headers).json()["case_id"]:
                break
            time.sleep(0.05)
        assert client.get(path, headers=headers).json()["case_id"]
        worker = client.app.state.worker
        assert worker.alive
    assert not worker.alive


def test_regions_and_taxonomies_are_offered(http: TestClient, key_for):
    headers = key_for("hotline", "望湖区")
    regions = http.get("/v1/regions", headers=headers).json()
    assert (regions[0]["name"], regions[0]["path"]) == ("云州市", "/990100/")
    below = http.get("/v1/regions", params={"under": "望湖区"}, headers=headers).json()
    assert all(region["path"].startswith("/990100/990102/") for region in below)
    assert http.get("/v1/regions", params={"under": "东陵区"}, headers=headers).status_code == 422
    taxonomies = {entry["name"]: entry["classes"] for entry in http.get("/v1/taxonomies", headers=headers).json()}
    assert [entry["label"] for entry in taxonomies["risk_level"]] == ["蓝", "黄", "橙", "红"]
    assert all(entry["definition"] for classes in taxonomies.values() for entry in classes)


def test_the_model_in_use_is_told_with_its_card(http: TestClient, key_for):
    (model,) = http.get("/v1/models", headers=key_for("trainer")).json()
    assert model["version"]
    assert model["dimensions"] > 0
    assert isinstance(model["card"], dict)
