"""What a careless client sends: a clear 4xx with its own type each, never a 5xx, never a stack trace."""

import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from data_contracts import limits
from service.context import Service

JSON = {"Content-Type": "application/json"}
GOOD = {"text": "路灯坏了", "region": "望湖区"}


@pytest.fixture
def admin(http: TestClient, key_for) -> TestClient:
    http.headers.update(key_for("admin"))
    return http


def slug(answer) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    assert problem["detail_en"] != problem["detail"]
    assert problem["instance"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    return problem["type"].removeprefix("urn:yanpan:problem:")


RAW = {
    "nothing": (b"", 422, "invalid-request"),
    "no JSON": (b"text=abc", 400, "malformed-json"),
    "half of it": (b'{"text": "abc', 400, "malformed-json"),
    "GBK": ('{"text": "路灯坏了"}'.encode("gbk"), 400, "invalid-encoding"),
    "UTF-16": ('{"text": "路灯坏了"}'.encode("utf-16"), 400, "invalid-encoding"),
    "Latin-1": (b'{"text": "caf\xe9"}', 400, "invalid-encoding"),
    "deep arrays": (b"[" * 100_000 + b"]" * 100_000, 400, "json-too-deep"),
    "deep objects": (b'{"text":' * 5_000 + b"1" + b"}" * 5_000, 400, "json-too-deep"),
    "a little too deep": (b'{"turns":' + b"[" * 40 + b"]" * 40 + b"}", 400, "json-too-deep"),
    "NaN": (b'{"text": "x", "likes": NaN}', 400, "malformed-json"),
    "Infinity": (b'{"turns":[{"speaker":"agent","text":"x","offset":Infinity}]}', 400, "malformed-json"),
    "a lone surrogate": (b'{"text": "\\ud800"}', 400, "malformed-json"),
    "a bare string": (b'"text"', 422, "invalid-request"),
    "null": (b"null", 422, "invalid-request"),
    "a list": (b"[]", 422, "invalid-request"),
    "a raw NUL": (b'{"text": "a\x00b"}', 400, "malformed-json"),
    "an escaped NUL": (b'{"text": "a\\u0000b"}', 422, "invalid-request"),
}


@pytest.mark.parametrize("name", list(RAW))
def test_bodies_that_cannot_be_read(admin: TestClient, name: str):
    content, status, expected = RAW[name]
    answer = admin.post("/v1/complaints", content=content, headers=JSON)
    assert (answer.status_code, slug(answer)) == (status, expected)


FIELDS = {
    "1970": ({"received_at": "1970-01-01T00:00:00+08:00"}, "/received_at", "time-too-early"),
    "2100": ({"received_at": "2100-01-01T00:00:00+08:00"}, "/received_at", "time-in-future"),
    "year one": ({"received_at": "0001-01-01T00:00:00+08:00"}, "/received_at", "time-out-of-range"),
    "no time": ({"received_at": "yesterday"}, "/received_at", "datetime-from-date-parsing"),
    "a huge number as time": ({"received_at": 1e300}, "/received_at", "datetime-parsing"),
    "an unknown region": ({"region": "东陵区"}, "/region", "region-unknown"),
    "an unknown code": ({"region": "110101"}, "/region", "region-unknown"),
    "an unknown channel": ({"channel": "fax"}, "/channel", "literal-error"),
    "an unknown field": ({"phone": "13800000000"}, "/phone", "extra-forbidden"),
    "a huge integer": ({"likes": 10**400}, None, None),
    "a large integer": ({"likes": 2**63}, "/likes", "less-than-equal"),
    "a negative count": ({"likes": -1}, "/likes", "greater-than-equal"),
    "a long text": ({"text": "长" * 20_001}, "/text", "string-too-long"),
    "a blank text": ({"text": " \n\t　"}, "/text", "text-blank"),
    "a number as text": ({"text": 7}, "/text", "string-type"),
    "a name as reporter": ({"reporter": "张三"}, "/reporter", "string-pattern-mismatch"),
    "a space in an id": ({"external_id": "a b"}, "/external_id", "string-pattern-mismatch"),
    "text and turns": ({"turns": [{"speaker": "agent", "text": "您好"}]}, "", "text-or-turns"),
    "NUL in the title": ({"title": "题\x00目"}, "/title", "text-nul"),
}


@pytest.mark.parametrize("name", list(FIELDS))
def test_fields_that_break_the_contract(admin: TestClient, name: str):
    changes, place, code = FIELDS[name]
    answer = admin.post("/v1/complaints", content=json.dumps({**GOOD, **changes}), headers=JSON)
    if place is None:
        assert answer.status_code in (400, 422)
        slug(answer)
        return
    assert answer.status_code == 422
    slug(answer)
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(place, code)]
    assert all(error["zh"] and error["en"] for error in answer.json()["errors"])


def test_a_text_is_never_repeated_in_a_problem(admin: TestClient):
    answer = admin.post("/v1/complaints", json={**GOOD, "text": "电话13912345678" * 3000, "channel": "13912345678"})
    assert answer.status_code == 422
    assert "13912345678" not in answer.text


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/json; charset=gbk"]
)
def test_other_media_types(admin: TestClient, kind: str | None):
    headers = {"Content-Type": kind} if kind else {}
    answer = admin.post("/v1/complaints", content=json.dumps(GOOD).encode(), headers=headers)
    assert (answer.status_code, slug(answer)) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/complaints/not-an-id", 422),
        ("GET", "/v1/complaints/123", 422),
        ("GET", f"/v1/complaints/{uuid4()}", 404),
        ("GET", "/v1/complaints/%00", 422),
        ("GET", "/v1/complaints/%ff%fe", 422),
        ("GET", "/v1/complaints/../../etc/passwd", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/v1/complaints/", 404),
        ("PATCH", "/v1/complaints", 405),
        ("GET", "/v1/analyse", 405),
        ("POST", "/v1/search", 405),
        ("DELETE", "/healthz", 405),
        ("BREW", "/v1/search", 405),
    ],
)
def test_addresses_and_methods(admin: TestClient, method: str, path: str, status: int):
    answer = admin.request(method, path)
    assert answer.status_code == status
    slug(answer)
    if status == 405:
        assert answer.headers["allow"]


QUERIES = [
    "qq=x", "limit=0", "limit=101", "limit=abc", "limit=1e9", f"limit={10**30}", "q=" + "长" * 501, "q=%00", "q=a%00b",
    "domain=不存在", "risk_level=紫", "channel=fax", "region=东陵区", "since=昨天", "since=0001-01-01T00:00:00%2B08:00",
    "since=2026-02-01&until=2026-01-01", "cursor=abc", "cursor=%F0%9F%98%80", "cursor=" + "A" * 1025, "sort=name",
    "facets=maybe", "case_id=1", "limit=5&page=2", "until=9999-12-31T23:59:59-23:59",
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_queries(admin: TestClient, query: str):
    answer = admin.get(f"/v1/search?{query}")
    assert answer.status_code == 422, answer.text
    slug(answer)


def test_unknown_parameters_are_told_with_the_known_ones(admin: TestClient):
    answer = admin.get("/v1/feed?since=3")
    assert answer.json()["errors"][0]["pointer"] == "query/since"
    assert "after、limit" in answer.json()["detail"]


@pytest.mark.parametrize(
    "q", ["“", "-", "--", "“”", "' OR 1=1 --", "\\", "%", "_", "a & b | !c", ":*", "()", "😀", "\t", "-“a”", "\u202e"]
)
def test_odd_searches_are_answered(admin: TestClient, q: str):
    assert admin.get("/v1/search", params={"q": q}).status_code == 200


@pytest.mark.parametrize("key", ["", "长", "x" * 129, "a b"])
def test_odd_idempotency_keys(admin: TestClient, key: str):
    headers = {b"Idempotency-Key": key.encode(), b"Content-Type": b"application/json"}
    answer = admin.post("/v1/complaints", content=json.dumps(GOOD), headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"].lower() == "header/idempotency-key"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer a",
        "Bearer a.b",
        "Bearer " + "x" * 9000,
        "Bearer é.x",
        "Bearer \x7f.a",
    ],
)
def test_odd_keys(http: TestClient, header: str):
    answer = http.get("/v1/search", headers={b"Authorization": header.encode("latin-1")})
    assert (answer.status_code, slug(answer)) == (401, "unauthenticated")


def test_both_ways_to_send_a_key(http: TestClient, key_for):
    shown = key_for("analyst")["Authorization"].removeprefix("Bearer ")
    for headers in ({"X-API-Key": shown}, {"Authorization": f"bearer {shown}"}, {"Authorization": f"Bearer  {shown}"}):
        assert http.get("/v1/search", headers=headers).status_code == 200


def test_request_ids_are_taken_over_if_harmless(http: TestClient):
    assert http.get("/healthz", headers={"X-Request-ID": "call-7.a"}).headers["x-request-id"] == "call-7.a"
    for odd in ("a b", "x" * 65, "a\tb", "<script>"):
        assert http.get("/healthz", headers={"X-Request-ID": odd}).headers["x-request-id"] != odd


class TestSize:
    @pytest.mark.parametrize("announced", [True, False])
    def test_fifty_megabytes_are_refused_without_being_held(self, live: str, key_for, announced: bool):
        size, chunk = 50 << 20, b"x" * (1 << 16)
        connection = http.client.HTTPConnection(urlsplit(live).netloc, timeout=60)

        def body() -> Iterator[bytes]:
            for _ in range(size // len(chunk)):
                yield chunk

        headers = {**key_for("admin"), **JSON}
        if announced:
            headers["Content-Length"] = str(size)
        connection.request("POST", "/v1/complaints", body(), headers, encode_chunked=not announced)
        answer = connection.getresponse()
        problem = json.loads(answer.read())
        assert (answer.status, problem["type"]) == (413, "urn:yanpan:problem:too-large")
        assert str(limits.REQUEST_MAX_BYTES) in problem["detail"]

    def test_the_server_still_serves_after_it(self, live: str, key_for):
        self.test_fifty_megabytes_are_refused_without_being_held(live, key_for, announced=True)
        connection = http.client.HTTPConnection(urlsplit(live).netloc, timeout=60)
        connection.request("GET", "/v1/search", headers=key_for("admin"))
        assert connection.getresponse().status == 200


def test_a_key_that_asks_too_often(service: Service, key_for):
    from service.app import create_app

    service.settings = service.settings.model_copy(update={"rate_per_minute": 5, "worker_concurrency": 0})
    with TestClient(create_app(service)) as client:
        headers = key_for("analyst")
        statuses = [client.get("/v1/taxonomies", headers=headers).status_code for _ in range(8)]
        assert statuses == [200] * 5 + [429] * 3
        answer = client.get("/v1/taxonomies", headers=headers)
        assert slug(answer) == "too-many-requests"
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/v1/taxonomies", headers=key_for("analyst")).status_code == 200


def test_browsers_of_other_origins_are_let_in_by_setting_only(service: Service, http: TestClient):
    from service.app import create_app

    ask = {"Origin": "https://screen.yunzhou.example", "Access-Control-Request-Method": "GET"}
    assert "access-control-allow-origin" not in http.options("/v1/search", headers=ask).headers
    service.settings = service.settings.model_copy(update={"cors_origins": [ask["Origin"]], "worker_concurrency": 0})
    with TestClient(create_app(service)) as client:
        assert client.options("/v1/search", headers=ask).headers["access-control-allow-origin"] == ask["Origin"]
        other = {**ask, "Origin": "https://elsewhere.example"}
        assert "access-control-allow-origin" not in client.options("/v1/search", headers=other).headers


def test_logs_hold_neither_texts_nor_secrets_nor_searches(admin: TestClient, caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    admin.post("/v1/complaints", json={**GOOD, "text": "熊建国的电话是13912345678"})
    admin.post("/v1/complaints", content=b'{"text": "13912345678', headers=JSON)
    admin.get("/v1/search", params={"q": "熊建国 13912345678"})
    secret = admin.headers["authorization"].partition(".")[2]
    ours = "\n".join(
        record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))
    )
    assert "/v1/search" in ours
    for private in ("13912345678", "熊建国", secret):
        assert private not in ours


class TestStoreAway:
    @pytest.fixture
    def away(self, admin: TestClient, service: Service) -> TestClient:
        """The same client, and the store is gone: its engine points to where nobody answers."""
        from service.store.engine import open_engine

        admin.app.state.gate.keys._seconds = 60
        assert admin.get("/v1/search").status_code == 200
        gone = open_engine("postgresql+psycopg://nobody@127.0.0.1:1/none", pool_size=1)
        service.sessions.configure(bind=gone)
        yield admin
        service.sessions.configure(bind=service.engine)
        gone.dispose()

    def test_everything_says_when_to_come_back(self, admin: TestClient, service: Service, away: TestClient):
        for method, path, body in (
            ("POST", "/v1/complaints", GOOD),
            ("GET", "/v1/search", None),
            ("GET", f"/v1/complaints/{uuid4()}", None),
            ("GET", "/v1/feed", None),
        ):
            answer = away.request(method, path, json=body)
            assert (answer.status_code, slug(answer)) == (503, "store-unavailable"), path
            assert int(answer.headers["retry-after"]) > 0
        assert away.get("/healthz").status_code == 200
        assert away.get("/readyz").status_code == 503

    def test_each_line_of_a_bulk_request_is_told(self, away: TestClient):
        content = (json.dumps(GOOD) + "\n").encode() * 3
        answer = away.post("/v1/complaints:bulk", content=content, headers={"Content-Type": "application/x-ndjson"})
        assert [json.loads(row)["status"] for row in answer.text.splitlines()] == [503] * 3
