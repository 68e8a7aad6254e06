"""The life of one complaint over HTTP: taken in, repeated, corrected, continued, withdrawn, erased, answered."""

from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from service.context import Service

PHONE = "13877776666"
MESSAGE = {
    "source": "yunzhou-app",
    "external_id": "APP-1",
    "channel": "app",
    "region": "望湖区",
    "received_at": "2026-04-16T21:40:00+08:00",
    "title": "楼下烧烤店油烟扰民",
    "text": f"望湖区柳堤街道的烧烤店每晚排烟到凌晨两点，反映两次没有处理，请联系熊建国{PHONE}。",
}
CALL = {
    "source": "hotline-12345",
    "external_id": "HL-1",
    "channel": "hotline",
    "region": "望湖区",
    "turns": [
        {"speaker": "agent", "text": "您好，请讲。", "offset": 0},
        {"speaker": "citizen", "text": "工地四个月没发工资了，三十多个人。", "offset": 2.5},
    ],
}


@pytest.fixture
def hotline(http: TestClient, key_for) -> TestClient:
    http.headers.update(key_for("hotline"))
    return http


def taken(client: TestClient, **changes: object) -> dict:
    answer = client.post("/v1/complaints", json={**MESSAGE, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


class TestSubmit:
    def test_a_new_complaint_answers_with_its_analysis_and_address(self, hotline: TestClient):
        answer = hotline.post("/v1/complaints", json=MESSAGE)
        record = answer.json()
        assert answer.status_code == 201
        assert answer.headers["location"] == f"/v1/complaints/{record['complaint_id']}"
        assert answer.headers["etag"] == '"1"'
        assert (record["version"], record["region"], record["region_name"]) == (1, "990102", "望湖区")
        assert record["analysis"]["domain"]["label"]
        assert 0 <= record["analysis"]["risk"]["score"] <= 100
        assert hotline.get(answer.headers["location"]).json() == record

    def test_nothing_private_is_answered(self, hotline: TestClient):
        answer = hotline.post("/v1/complaints", json=MESSAGE)
        assert PHONE not in answer.text
        assert "熊建国" not in answer.text
        assert "[手机号66]" in answer.json()["text"]

    def test_the_same_again_is_the_same(self, hotline: TestClient):
        record = taken(hotline)
        again = hotline.post("/v1/complaints", json=MESSAGE)
        assert again.status_code == 200
        assert again.json() == record

    def test_the_same_id_with_another_body_names_the_versions(self, hotline: TestClient):
        record = taken(hotline)
        answer = hotline.post("/v1/complaints", json={**MESSAGE, "text": "换了一个说法"})
        problem = answer.json()
        assert answer.status_code == 409
        assert problem["type"] == "urn:yanpan:problem:version-conflict"
        assert (problem["complaint_id"], problem["versions"]) == (record["complaint_id"], [1])

    def test_another_source_may_use_the_same_id(self, hotline: TestClient):
        first = taken(hotline)
        second = taken(hotline, source="yunzhou-wechat")
        assert first["complaint_id"] != second["complaint_id"]

    def test_a_region_may_be_missing_and_is_then_the_city(self, hotline: TestClient):
        record = taken(hotline, region=None)
        assert record["region"] == "990100"


class TestIdempotencyKey:
    def test_a_repeated_key_gets_the_first_answer(self, hotline: TestClient):
        body = {key: value for key, value in MESSAGE.items() if key not in ("external_id", "received_at")}
        first = hotline.post("/v1/complaints", json=body, headers={"Idempotency-Key": "k-1"})
        second = hotline.post("/v1/complaints", json=body, headers={"Idempotency-Key": "k-1"})
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert second.headers["idempotency-replayed"] == "true"
        assert second.headers["location"] == first.headers["location"]

    def test_without_an_id_and_a_key_each_is_a_new_one(self, hotline: TestClient):
        body = {"text": "路灯坏了"}
        first, second = (hotline.post("/v1/complaints", json=body).json()["complaint_id"] for _ in range(2))
        assert first != second

    def test_a_key_for_another_request_is_refused(self, hotline: TestClient):
        hotline.post("/v1/complaints", json=MESSAGE, headers={"Idempotency-Key": "k-1"})
        answer = hotline.post("/v1/complaints", json={"text": "别的"}, headers={"Idempotency-Key": "k-1"})
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:yanpan:problem:idempotency-conflict"

    def test_a_refused_request_gives_its_key_back(self, hotline: TestClient):
        bad = hotline.post("/v1/complaints", json={**MESSAGE, "region": "东陵区"}, headers={"Idempotency-Key": "k-1"})
        assert bad.status_code == 422
        assert hotline.post("/v1/complaints", json=MESSAGE, headers={"Idempotency-Key": "k-1"}).status_code == 201

    def test_keys_of_different_callers_are_different(self, hotline: TestClient, key_for):
        hotline.post("/v1/complaints", json=MESSAGE, headers={"Idempotency-Key": "k-1"})
        other = {**key_for("hotline"), "Idempotency-Key": "k-1"}
        assert hotline.post("/v1/complaints", json={"text": "别的"}, headers=other).status_code == 201

    def test_the_same_turns_are_appended_once(self, hotline: TestClient):
        record = hotline.post("/v1/complaints", json=CALL).json()
        more = {"turns": [{"speaker": "citizen", "text": "补充一句，老板跑了。"}]}
        path = f"/v1/complaints/{record['complaint_id']}/turns"
        for _ in range(2):
            answer = hotline.post(path, json=more, headers={"Idempotency-Key": "k-2"})
            assert (answer.status_code, answer.json()["version"]) == (200, 2)
        assert hotline.get(f"/v1/complaints/{record['complaint_id']}").json()["text"].count("老板跑了") == 1


class TestVersions:
    def test_a_correction_is_a_new_version(self, hotline: TestClient):
        record = taken(hotline)
        path = f"/v1/complaints/{record['complaint_id']}"
        answer = hotline.put(path, json={**MESSAGE, "text": "更正：是澜江边的烧烤店。"})
        assert (answer.status_code, answer.json()["version"], answer.headers["etag"]) == (200, 2, '"2"')
        assert hotline.put(path, json={**MESSAGE, "text": "更正：是澜江边的烧烤店。"}).json()["version"] == 2
        assert hotline.post("/v1/complaints", json=MESSAGE).json()["versions"] == [1, 2]

    def test_a_correction_may_leave_the_ids_out_and_not_change_them(self, hotline: TestClient):
        path = f"/v1/complaints/{taken(hotline)['complaint_id']}"
        assert hotline.put(path, json={"text": "更正", "region": "望湖区"}).json()["external_id"] == "APP-1"
        answer = hotline.put(path, json={"text": "更正", "external_id": "APP-2"})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/external_id")

    def test_a_continued_call_is_read_as_a_whole(self, hotline: TestClient):
        record = hotline.post("/v1/complaints", json=CALL).json()
        more = {"turns": [{"speaker": "citizen", "text": "大家准备明天去区政府。", "offset": 60}]}
        answer = hotline.post(f"/v1/complaints/{record['complaint_id']}/turns", json=more)
        assert answer.json()["version"] == 2
        assert answer.json()["text"].splitlines()[-1] == "市民：大家准备明天去区政府。"

    def test_a_text_has_no_turns_to_add_to(self, hotline: TestClient):
        more = {"turns": [{"speaker": "citizen", "text": "补充"}]}
        answer = hotline.post(f"/v1/complaints/{taken(hotline)['complaint_id']}/turns", json=more)
        assert answer.status_code == 422

    def test_turns_that_break_the_limit_of_the_whole_call_are_refused(self, hotline: TestClient):
        record = hotline.post("/v1/complaints", json=CALL).json()
        more = {"turns": [{"speaker": "citizen", "text": "长" * 5000}] * 5}
        answer = hotline.post(f"/v1/complaints/{record['complaint_id']}/turns", json=more)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "text-too-long")


class TestEnd:
    def test_a_withdrawn_complaint_stays_readable_and_takes_no_changes(self, hotline: TestClient):
        path = f"/v1/complaints/{taken(hotline)['complaint_id']}"
        for _ in range(2):
            answer = hotline.delete(path)
            assert (answer.status_code, answer.json()["status"]) == (200, "withdrawn")
        assert hotline.get(path).json()["status"] == "withdrawn"
        refused = hotline.put(path, json={**MESSAGE, "text": "还要改"})
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:yanpan:problem:withdrawn")

    def test_an_erased_complaint_leaves_nothing_but_its_end(self, hotline: TestClient, key_for, service: Service):
        admin = key_for("admin")
        headers = {"Idempotency-Key": "k-9"}
        record = hotline.post("/v1/complaints", json=MESSAGE, headers=headers).json()
        service.jobs.drain()
        path = f"/v1/complaints/{record['complaint_id']}"
        assert hotline.post(f"{path}/erasure", headers=admin).status_code == 204
        service.jobs.drain()
        for answer in (
            hotline.get(path),
            hotline.get(f"{path}/original", headers=admin),
            hotline.get(f"{path}/answers"),
            hotline.post("/v1/complaints", json=MESSAGE),
            hotline.post(f"{path}/erasure", headers=admin),
        ):
            assert (answer.status_code, answer.json()["type"]) == (410, "urn:yanpan:problem:erased")
        found = hotline.get("/v1/search", params={"q": "烧烤店油烟"}, headers=admin).json()
        assert found["total"] == 0
        assert _tables_with(service, record["complaint_id"], "烧烤店") == set()

    def test_what_does_not_exist_is_not_found(self, hotline: TestClient):
        assert hotline.get(f"/v1/complaints/{uuid4()}").status_code == 404
        assert hotline.delete(f"/v1/complaints/{uuid4()}").status_code == 404


class TestOriginal:
    def test_the_original_is_for_some_and_each_reading_is_audited(self, hotline: TestClient, key_for):
        record = taken(hotline)
        path = f"/v1/complaints/{record['complaint_id']}/original"
        assert hotline.get(path).status_code == 403
        answer = hotline.get(path, headers=key_for("centre"))
        assert answer.json()["text"] == MESSAGE["text"]
        assert answer.headers["cache-control"] == "no-store"
        entries = hotline.get("/v1/audit", headers=key_for("auditor")).json()["entries"]
        assert [(entry["action"], entry["role"], entry["complaint_id"]) for entry in entries] == [
            ("complaint.original", "centre", record["complaint_id"])
        ]

    def test_older_versions_can_be_read(self, hotline: TestClient, key_for):
        path = f"/v1/complaints/{taken(hotline)['complaint_id']}"
        hotline.put(path, json={**MESSAGE, "text": "更正"})
        centre = key_for("centre")
        texts = [hotline.get(f"{path}/original?version={n}", headers=centre).json().get("text") for n in (1, 2, 3)]
        assert texts == [MESSAGE["text"], "更正", None]

    def test_a_call_is_given_back_as_lines(self, hotline: TestClient, key_for):
        record = hotline.post("/v1/complaints", json=CALL).json()
        answer = hotline.get(f"/v1/complaints/{record['complaint_id']}/original", headers=key_for("centre"))
        assert answer.json()["text"].startswith("话务员：您好")


class TestAnswers:
    def test_an_answer_is_kept_once_and_masked(self, hotline: TestClient, key_for):
        path = f"/v1/complaints/{taken(hotline)['complaint_id']}/answers"
        department = key_for("department", "望湖区")
        given = {
            "office": "望湖区城市管理局",
            "text": f"已责令整改，经办人电话{PHONE}。",
            "answered_at": "2026-04-20T10:00:00+08:00",
            "resolved": True,
            "satisfaction": 4,
        }
        for _ in range(2):
            answer = hotline.post(path, json=given, headers=department)
            assert (answer.status_code, len(answer.json())) == (201, 1)
        (kept,) = hotline.get(path).json()
        assert PHONE not in kept["text"]
        assert (kept["resolved"], kept["satisfaction"]) == (True, 4)

    def test_a_hotline_does_not_answer(self, hotline: TestClient):
        path = f"/v1/complaints/{taken(hotline)['complaint_id']}/answers"
        assert hotline.post(path, json={"office": "甲局", "text": "已办"}).status_code == 403


class TestAnalyse:
    def test_one_gives_one_and_a_list_gives_a_list(self, hotline: TestClient):
        one = hotline.post("/v1/analyse", json={"text": MESSAGE["text"]})
        many = hotline.post("/v1/analyse", json=[{"text": MESSAGE["text"]}, CALL])
        assert (one.status_code, many.status_code) == (200, 200)
        assert isinstance(many.json(), list)
        assert many.json()[0]["domain"]["label"] == one.json()["domain"]["label"]
        assert PHONE not in one.text + many.text

    def test_nothing_is_kept(self, hotline: TestClient, service: Service):
        hotline.post("/v1/analyse", json=MESSAGE)
        with service.sessions() as session:
            assert session.scalar(text("SELECT count(*) FROM complaint")) == 0
            assert session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0

    def test_the_place_of_a_mistake_in_a_list_is_told(self, hotline: TestClient):
        answer = hotline.post("/v1/analyse", json=[{"text": "好"}, {"text": "", "channel": "fax"}])
        assert {error["pointer"] for error in answer.json()["errors"]} == {"/1/text", "/1/channel"}
        unknown = hotline.post("/v1/analyse", json=[{"text": "好", "region": "东陵区"}])
        assert unknown.json()["errors"][0]["pointer"] == "/0/region"

    def test_a_batch_has_a_limit(self, hotline: TestClient):
        assert hotline.post("/v1/analyse", json=[{"text": "好"}] * 64).status_code == 200
        answer = hotline.post("/v1/analyse", json=[{"text": "好"}] * 65)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "")
        assert hotline.post("/v1/analyse", json=[]).status_code == 422


def _tables_with(service: Service, complaint_id: str, words: str) -> set[str]:
    """Tables that still hold a complaint's words, or its id outside of those that only tell of its end."""
    told_of = {"tombstone", "audit_entry", "feed_event", "search_removed", "search_tombstone"}
    found = set()
    with service.sessions() as session:
        tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        for table in tables:
            rows = session.scalars(text(f'SELECT t::text FROM "{table}" t')).all()
            if any(words in row for row in rows):
                found.add(table)
            known = any(complaint_id in row or UUID(complaint_id).hex in row for row in rows)
            if known and table not in told_of and not table.startswith("procrastinate"):
                found.add(table)
    return found
