"""Search over HTTP: filters, facets, pages, and what is similar."""

import pytest
from fastapi.testclient import TestClient

from service.context import Service

TEXTS = [
    ("望湖区", "app", "柳堤街道的路灯坏了两周，晚上看不清路。"),
    ("望湖区", "hotline", "柳堤街道路灯又坏了，请尽快修。"),
    ("东岭区", "app", "松涛路口烧烤店油烟扰民。"),
    ("东岭区", "wechat", "小区电梯困人，物业不管。"),
]


@pytest.fixture
def analyst(http: TestClient, key_for, service: Service) -> TestClient:
    """An analyst of the whole city, with some complaints to find."""
    for number, (region, channel, text) in enumerate(TEXTS):
        body = {
            "source": "t", "external_id": f"T-{number}", "region": region, "channel": channel, "text": text,
            "received_at": f"2026-03-0{number + 1}T08:00:00+08:00",
        }  # fmt: skip
        assert http.post("/v1/complaints", json=body, headers=key_for("hotline")).status_code == 201
    service.jobs.drain()
    http.headers.update(key_for("analyst"))
    return http


def found(client: TestClient, **params: object) -> list[str]:
    answer = client.get("/v1/search", params=params)
    assert answer.status_code == 200, answer.text
    return sorted(hit["external_id"] for hit in answer.json()["hits"])


def test_words_find_and_highlight(analyst: TestClient):
    page = analyst.get("/v1/search", params={"q": "路灯"}).json()
    assert sorted(hit["external_id"] for hit in page["hits"]) == ["T-0", "T-1"]
    assert all(hit["highlights"] for hit in page["hits"])


def test_filters_narrow_and_repeat(analyst: TestClient):
    assert found(analyst, channel="app") == ["T-0", "T-2"]
    assert found(analyst, channel=["app", "wechat"], region="东岭区") == ["T-2", "T-3"]
    assert found(analyst, region="990102") == ["T-0", "T-1"]
    assert found(analyst, since="2026-03-02", until="2026-03-04T00:00:00+08:00") == ["T-1", "T-2"]


def test_labels_may_be_given_as_codes(analyst: TestClient):
    hit = analyst.get("/v1/search", params={"q": "油烟"}).json()["hits"][0]
    from data_contracts.taxonomy import taxonomy

    by_label = found(analyst, domain=hit["domain"])
    assert "T-2" in by_label
    assert found(analyst, domain=taxonomy("domain").code(hit["domain"])) == by_label


def test_facets_count_what_is_found(analyst: TestClient):
    facets = analyst.get("/v1/search", params={"q": "路灯"}).json()["facets"]
    assert {facet["value"]: facet["count"] for facet in facets["channel"]} == {"app": 1, "hotline": 1}
    assert not analyst.get("/v1/search", params={"facets": "false"}).json()["facets"]


def test_a_cursor_belongs_to_its_query(analyst: TestClient):
    page = analyst.get("/v1/search", params={"sort": "time", "limit": 2}).json()
    rest = analyst.get("/v1/search", params={"sort": "time", "limit": 2, "cursor": page["cursor"]}).json()
    order = [hit["external_id"] for hit in page["hits"] + rest["hits"]]
    assert order == ["T-3", "T-2", "T-1", "T-0"]
    answer = analyst.get("/v1/search", params={"sort": "risk", "cursor": page["cursor"]})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:yanpan:problem:cursor-invalid")


def test_a_withdrawn_complaint_is_not_found(analyst: TestClient, key_for, service: Service):
    hit = analyst.get("/v1/search", params={"q": "油烟"}).json()["hits"][0]
    analyst.delete(f"/v1/complaints/{hit['complaint_id']}", headers=key_for("hotline"))
    service.jobs.drain()
    assert "T-2" not in found(analyst)


def test_similar_ones_come_with_their_answers(analyst: TestClient, key_for):
    by_id = {hit["external_id"]: hit["complaint_id"] for hit in analyst.get("/v1/search").json()["hits"]}
    reply = {"office": "望湖区城管局", "text": "已更换灯具。", "resolved": True}
    analyst.post(f"/v1/complaints/{by_id['T-1']}/answers", json=reply, headers=key_for("department"))
    hits = analyst.get(f"/v1/complaints/{by_id['T-0']}/similar", params={"limit": 2}).json()
    assert hits[0]["external_id"] == "T-1"
    assert hits[0]["answers"][0]["text"] == "已更换灯具。"
    assert by_id["T-0"] not in [hit["complaint_id"] for hit in hits]
    assert (
        analyst.get(f"/v1/complaints/{by_id['T-0']}/similar", headers=key_for("analyst", "东岭区")).status_code == 404
    )


def test_cases_are_listed_and_paged(analyst: TestClient):
    seen, cursor = [], None
    while True:
        params = {"min_size": 1, "limit": 1, "sort": "last_at", **({"cursor": cursor} if cursor else {})}
        page = analyst.get("/v1/cases", params=params).json()
        seen += [case["case_id"] for case in page["cases"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) >= 3
    answer = analyst.get("/v1/cases", params={"cursor": "abc"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:yanpan:problem:cursor-invalid")
    assert analyst.get("/v1/cases", params={"domain": "不存在"}).status_code == 422
