"""People correct labels: what they say is kept, shown, found, told and learnt from."""

import json
from pathlib import Path

import pytest
import typer
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from service.cli import labels as command
from service.context import Service

TEXT = "柳堤街道听澜苑的电梯又停了，物业去年修过一次，这次说没钱。"


@pytest.fixture
def record(http: TestClient, key_for, service: Service) -> dict:
    answer = http.post("/v1/complaints", json={"text": TEXT, "region": "望湖区"}, headers=key_for("hotline"))
    service.jobs.drain()
    return answer.json()


def correction(record: dict, **labels: str) -> dict:
    return {"complaint_id": record["complaint_id"], "version": record["version"], **labels}


def test_a_correction_is_shown_found_and_told(http: TestClient, key_for, service: Service, record: dict):
    reviewer = key_for("reviewer", "望湖区")
    before = http.get("/v1/feed", headers=key_for("admin")).json()["next"]
    answer = http.post(
        "/v1/labels", json=correction(record, stage="激化", risk_level="红", kind="建议"), headers=reviewer
    )
    assert answer.status_code == 200, answer.text
    analysis = answer.json()["analysis"]
    assert (analysis["stage"]["label"], analysis["kind"]["label"]) == ("激化", "建议")
    assert (analysis["risk"]["level"]["label"], analysis["risk"]["score"]) == ("红", 87.5)
    assert (analysis["stage"]["corrected"], analysis["stage"]["confidence"], analysis["stage"]["abstain"]) == (
        True, 1.0, False,
    )  # fmt: skip
    assert not analysis["domain"]["corrected"]
    assert analysis["stage"]["scores"] == record["analysis"]["stage"]["scores"]
    service.jobs.drain()
    hits = http.get("/v1/search", params={"stage": "激化", "risk_level": "红"}, headers=reviewer).json()["hits"]
    assert [hit["complaint_id"] for hit in hits] == [record["complaint_id"]]
    events = http.get("/v1/feed", params={"after": before}, headers=key_for("admin")).json()["events"]
    assert [(event["type"], event["data"]["risk_level"]) for event in events] == [("cn.yanpan.complaint.updated", "红")]


def test_every_reading_is_kept_with_who_and_when(http: TestClient, key_for, record: dict):
    first = record["analysis"]["kind"]["label"]
    http.post(
        "/v1/labels",
        json=correction(record, kind=first, note="核实人：罗建国 13712345678"),
        headers=key_for("reviewer"),
    )
    http.post("/v1/labels", json=correction(record, kind="表扬"), headers=key_for("trainer"))
    path = f"/v1/complaints/{record['complaint_id']}/labels"
    found = http.get(path, headers=key_for("trainer")).json()
    assert [(item["label"], item["previous"], item["confirmed"], item["role"]) for item in found] == [
        (first, first, True, "reviewer"), ("表扬", first, False, "trainer"),
    ]  # fmt: skip
    assert "罗建国" not in found[0]["note"]
    assert "13712345678" not in found[0]["note"]
    assert http.get(path, headers=key_for("analyst")).status_code == 403


def test_only_reviewers_and_trainers_may_correct(http: TestClient, key_for, record: dict):
    for role in ("hotline", "analyst", "dashboard", "leader"):
        assert http.post("/v1/labels", json=correction(record, kind="建议"), headers=key_for(role)).status_code == 403


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"kind": "吐槽"}, 422),
        ({}, 422),
        ({"kind": "建议", "version": 7}, 409),
        ({"kind": "建议", "complaint_id": "00000000-0000-4000-8000-000000000000"}, 404),
        ({"kind": "建议", "note": "字" * 501}, 422),
        ({"mood": "angry"}, 422),
    ],
)
def test_what_cannot_be_a_correction_is_refused(http: TestClient, key_for, record: dict, change: dict, status: int):
    answer = http.post("/v1/labels", json={**correction(record), **change}, headers=key_for("reviewer"))
    assert answer.status_code == status, answer.text


def test_a_new_version_is_read_anew(http: TestClient, key_for, record: dict):
    admin = key_for("admin")
    http.post("/v1/labels", json=correction(record, kind="表扬"), headers=admin)
    changed = http.put(
        f"/v1/complaints/{record['complaint_id']}",
        json={"text": "电梯修好了，谢谢物业。", "region": "望湖区"},
        headers=admin,
    ).json()
    assert not changed["analysis"]["kind"]["corrected"]
    assert http.get("/v1/review", headers=admin).json()["waiting"] == 1


def test_what_to_read_next_leaves_out_what_was_read(http: TestClient, key_for, service: Service):
    admin = key_for("admin")
    texts = [
        "请问社保卡在哪里补办？",
        "我攒了安眠药，房产证放在柜子里，他们找得到。",
        "小区的灯有点暗，也不知道归谁管，说不清是不是坏了，反正就那样。",
    ]
    sent = [
        http.post("/v1/complaints", json={"text": text, "region": "望湖区"}, headers=admin).json() for text in texts
    ]
    page = http.get("/v1/review", headers=admin).json()
    assert page["waiting"] == 3
    priorities = [item["priority"] for item in page["items"]]
    assert priorities == sorted(priorities, reverse=True)
    by_id = {item["complaint"]["complaint_id"]: item["reasons"] for item in page["items"]}
    assert "risky" in by_id[sent[1]["complaint_id"]]
    assert http.get("/v1/review", headers=key_for("reviewer", "东岭区")).json() == {"items": [], "waiting": 0}
    http.post("/v1/labels", json=correction(sent[1], risk_level="红"), headers=admin)
    left = http.get("/v1/review", params={"limit": 1}, headers=admin).json()
    assert (left["waiting"], len(left["items"])) == (2, 1)
    assert left["items"][0]["complaint"]["complaint_id"] != sent[1]["complaint_id"]


def test_what_people_read_is_exported_for_training(
    http: TestClient, key_for, service: Service, record: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    http.post("/v1/complaints", json={"text": "公交车总是晚点", "region": "望湖区"}, headers=key_for("admin"))
    http.post("/v1/labels", json=correction(record, stage="反复"), headers=key_for("reviewer"))
    monkeypatch.setattr(command, "settings", lambda: service.settings)
    app = typer.Typer()
    command.register(app)
    result = CliRunner().invoke(app, ["labels", "export", "--reviewed", "-o", str(tmp_path / "out.jsonl")])
    assert result.exit_code == 0, result.output
    [line] = [json.loads(row) for row in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert (line["stage"], line["kind"], line["factors"]) == ("反复", None, None)
    assert line["text"] == record["text"]
