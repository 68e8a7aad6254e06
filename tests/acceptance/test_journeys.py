"""One journey a user: the hotline platform, the analyst, the model trainer, the dashboard, and those around them."""

import json

import httpx
import pytest
from waiting import until

pytestmark = pytest.mark.slow

WAGES = [
    "望湖区柳堤街道金澜广场工地拖欠工资，我们三十多个工人四个月没拿到钱，总共六十万左右，包工头电话打不通。",
    "金澜广场项目在望湖区柳堤街道，四个月没发工资了，三十来个工友都等着，包工头一直躲着不见。",
    "反映柳堤街道金澜广场工地欠薪，工人三十多名，欠了四个月，劳动部门让等消息。",
]
OTHERS = [
    ("东岭区", "松涛路口烧烤店每晚排烟到凌晨，油烟熏得老人整夜咳嗽，反映过两次没人处理。"),
    ("澜江区", "小区电梯坏了半个月，物业说没有维修资金，老人上下楼很不方便。"),
    ("禾源县", "请问新生儿落户需要带哪些材料，周末窗口上班吗。"),
]


def line(number: int, region: str, text: str) -> str:
    body = {"source": "yunzhou-app", "external_id": f"A-{number}", "channel": "app", "region": region, "text": text}
    return json.dumps(body, ensure_ascii=False) + "\n"


@pytest.fixture
def told(city) -> httpx.Client:
    """The city's complaints, indexed and in their cases; gives the hotline platform's client."""
    hotline = city("hotline")
    matters = [("望湖区", text) for text in WAGES] + OTHERS
    content = "".join(line(number, *matter) for number, matter in enumerate(matters))
    answer = hotline.post(
        "/v1/complaints:bulk", content=content.encode(), headers={"Content-Type": "application/x-ndjson"}
    )
    results = [json.loads(row) for row in answer.text.splitlines()]
    assert [result["status"] for result in results] == [201] * len(matters)
    until(lambda: all(hotline.get(f"/v1/complaints/{r['complaint_id']}").json()["case_id"] for r in results))
    return hotline


def test_the_hotline_platform_posts_a_call_and_its_continuation(city):
    hotline, analyst, centre = city("hotline"), city("analyst"), city("centre")
    call = {
        "source": "hotline-12345",
        "external_id": "HL-1",
        "channel": "hotline",
        "region": "望湖区",
        "turns": [
            {"speaker": "agent", "text": "您好，云州12345，请讲。", "offset": 0},
            {"speaker": "citizen", "text": f"{WAGES[0]}我的电话是幺三九一二三四五六七八。", "offset": 3.1},
        ],
    }
    answer = hotline.post("/v1/complaints", json=call, headers={"Idempotency-Key": "call-1"})
    assert answer.status_code == 201
    record = answer.json()
    assert record["analysis"]["dispute_type"]["label"]
    assert "三四五六七八" not in answer.text
    # The line broke before the answer arrived: the platform sends it again.
    assert hotline.post("/v1/complaints", json=call, headers={"Idempotency-Key": "call-1"}).json() == record
    more = {"turns": [{"speaker": "citizen", "text": "大家说明天一早去区政府门口。", "offset": 95}]}
    continued = hotline.post(f"/v1/complaints/{record['complaint_id']}/turns", json=more).json()
    assert continued["version"] == 2
    # A second later an analyst finds it, with the case that it belongs to.
    found = lambda: analyst.get("/v1/search", params={"q": "区政府门口 工地"}).json()  # noqa: E731
    until(lambda: any(hit["complaint_id"] == record["complaint_id"] and hit["case_id"] for hit in found()["hits"]))
    # And the judgement workflow reads it from the feed.
    until(lambda: centre.get("/v1/feed").json()["events"])
    subjects = [event["subject"] for event in centre.get("/v1/feed").json()["events"]]
    assert record["complaint_id"] in subjects


def test_the_analyst_finds_the_case_and_what_was_answered(told, city):
    analyst, department, centre = city("analyst"), city("department", "望湖区"), city("centre")
    page = analyst.get("/v1/search", params={"q": "工地 欠薪", "limit": 2}).json()
    assert page["total"] >= 2
    assert all("金澜广场" in hit["snippet"] for hit in page["hits"])
    assert page["facets"]["region"][0]["value"]
    case = analyst.get("/v1/cases", params={"sort": "size"}).json()["cases"][0]
    assert case["size"] >= 2
    members = analyst.get(f"/v1/cases/{case['case_id']}").json()["members"]
    assert all(member["reason"]["explanation"] for member in members)
    answered = members[0]["complaint_id"]
    reply = {"office": "望湖区人力资源和社会保障局", "text": "已责令项目部三日内支付。", "resolved": True}
    assert department.post(f"/v1/complaints/{answered}/answers", json=reply).status_code == 201
    similar = analyst.get(f"/v1/complaints/{members[1]['complaint_id']}/similar").json()
    assert answered in [hit["complaint_id"] for hit in similar]
    (hit,) = [hit for hit in similar if hit["complaint_id"] == answered]
    assert hit["answers"][0]["office"] == reply["office"]
    # Originals are not the analyst's; the centre may read one, and the auditor sees that it did.
    assert analyst.get(f"/v1/complaints/{answered}/original").status_code == 403
    assert centre.get(f"/v1/complaints/{answered}/original").json()["text"] in WAGES
    entries = city("auditor").get("/v1/audit", params={"complaint_id": answered}).json()["entries"]
    assert [(entry["action"], entry["role"]) for entry in entries] == [("complaint.original", "centre")]


def test_the_analyst_pages_through_all_that_there_is(told, city):
    analyst, seen, cursor = city("analyst"), [], None
    while True:
        params = {"sort": "time", "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = analyst.get("/v1/search", params=params).json()
        seen += [hit["external_id"] for hit in page["hits"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert sorted(seen) == [f"A-{number}" for number in range(len(WAGES) + len(OTHERS))]


def test_the_trainer_sees_which_model_reads_and_tries_texts(city):
    trainer = city("trainer")
    (model,) = trainer.get("/v1/models").json()
    analyses = trainer.post("/v1/analyse", json=[{"text": text} for text in WAGES]).json()
    assert {analysis["model_version"] for analysis in analyses} == {model["version"]}
    taxonomies = {entry["name"]: entry["classes"] for entry in trainer.get("/v1/taxonomies").json()}
    known = {entry["label"] for entry in taxonomies["domain"]}
    assert all(set(analysis["domain"]["scores"]) == known for analysis in analyses)
    assert trainer.post("/v1/complaints", json={"text": "试"}).status_code == 403


def test_the_dashboard_counts_by_label_and_region(told, city):
    dashboard = city("dashboard")
    page = dashboard.get("/v1/search", params={"limit": 1}).json()
    total = len(WAGES) + len(OTHERS)
    assert page["total"] == total
    for name in ("domain", "risk_level", "region", "channel"):
        assert sum(facet["count"] for facet in page["facets"][name]) == total, name
    county = dashboard.get("/v1/search", params={"region": "望湖区", "limit": 1}).json()
    assert county["total"] == len(WAGES)
    metrics = dashboard.get("/metrics").text
    assert 'yanpan_complaints_total{outcome="created"} 6.0' in metrics
    assert dashboard.get("/v1/complaints/00000000-0000-0000-0000-000000000000/original").status_code == 403


def test_a_county_centre_follows_its_feed_and_sees_no_other(told, city):
    centre = city("centre", "望湖区")
    events, after = [], 0
    until(lambda: len(city("centre").get("/v1/feed").json()["events"]) >= len(WAGES) + len(OTHERS))
    while True:
        page = centre.get("/v1/feed", params={"after": after, "limit": 2}).json()
        events += page["events"]
        after = page["next"]
        if not page["more"]:
            break
    analysed = [event for event in events if event["type"] == "cn.yanpan.complaint.analysed"]
    assert sorted(event["data"]["external_id"] for event in analysed) == ["A-0", "A-1", "A-2"]
    sequences = [int(event["sequence"]) for event in events]
    assert sequences == sorted(set(sequences))


def test_a_citizen_has_everything_erased(told, city):
    admin, analyst = city("admin"), city("analyst")
    hit = analyst.get("/v1/search", params={"q": "油烟"}).json()["hits"][0]
    assert admin.post(f"/v1/complaints/{hit['complaint_id']}/erasure").status_code == 204
    assert analyst.get("/v1/search", params={"q": "油烟"}).json()["total"] == 0
    assert analyst.get(f"/v1/complaints/{hit['complaint_id']}").status_code == 410
    until(lambda: analyst.get("/v1/cases", params={"min_size": 1, "limit": 100}).status_code == 200)
    cases = analyst.get("/v1/cases", params={"min_size": 1, "limit": 100})
    assert "油烟" not in cases.text
