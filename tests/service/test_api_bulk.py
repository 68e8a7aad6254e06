"""Many complaints in one request: every line has its own result, in order, while the rest still arrives."""

import json
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from data_contracts import limits
from service.context import Service

NDJSON = {"Content-Type": "application/x-ndjson"}


def line(number: int, **changes: object) -> bytes:
    body = {"source": "bulk", "external_id": f"B-{number}", "region": "望湖区", "text": f"第{number}号楼的电梯坏了。"}
    return json.dumps({**body, **changes}, ensure_ascii=False).encode() + b"\n"


@pytest.fixture
def send(http: TestClient, key_for):
    headers = {**key_for("hotline"), **NDJSON}

    def post(content: bytes) -> list[dict]:
        answer = http.post("/v1/complaints:bulk", content=content, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/x-ndjson"
        return [json.loads(row) for row in answer.text.splitlines()]

    return post


def test_each_line_has_its_result_in_order(send, service: Service):
    results = send(b"".join(line(number) for number in range(200)))
    assert [(row["line"], row["external_id"], row["status"]) for row in results] == [
        (number + 1, f"B-{number}", 201) for number in range(200)
    ]
    assert all(row["risk_level"] and row["domain"] for row in results)
    service.jobs.drain()
    with service.sessions() as session:
        assert session.scalar(text("SELECT count(*) FROM complaint")) == 200


def test_sent_again_nothing_is_doubled(send):
    content = b"".join(line(number) for number in range(10))
    first, second = send(content), send(content)
    assert {row["status"] for row in second} == {200}
    assert [row["complaint_id"] for row in first] == [row["complaint_id"] for row in second]


def test_broken_lines_are_told_and_stop_nothing(send):
    content = (
        line(1)
        + b"{broken\n"
        + b"\n"
        + '{"text": "路灯坏了"}\n'.encode("gbk")
        + line(2, region="东陵区")
        + line(3, text=None)
        + b"[" * 100
        + b"]" * 100
        + b"\n"
        + b'"just text"\n'
        + line(4, text="含空字符\x00")
        + line(5, received_at="1970-01-01T00:00:00Z")
        + line(6, received_at="2100-01-01T00:00:00Z")
        + line(1, text="同号不同文")
        + line(7).rstrip()
    )
    results = send(content)
    assert [(row["line"], row["status"]) for row in results] == [
        (1, 201), (2, 400), (4, 400), (5, 422), (6, 422), (7, 400), (8, 422),
        (9, 422), (10, 422), (11, 422), (12, 409), (13, 201),
    ]  # fmt: skip
    kinds = {row["line"]: row["problem"]["type"].rsplit(":", 1)[1] for row in results if "problem" in row}
    assert (kinds[2], kinds[4], kinds[5], kinds[7]) == (
        "malformed-json", "invalid-encoding", "region-unknown", "json-too-deep",
    )  # fmt: skip


def test_a_line_that_is_too_long_is_refused_alone(send):
    content = line(1) + b'{"text": "' + b"x" * (limits.BULK_LINE_MAX_BYTES + 10) + b'"}\n' + line(2)
    assert [row["status"] for row in send(content)] == [201, 413, 201]


def test_an_empty_request_has_an_empty_answer(send):
    assert send(b"") == []


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data"])
def test_other_media_types_are_refused(http: TestClient, key_for, kind: str):
    headers = {**key_for("hotline"), "Content-Type": kind}
    answer = http.post("/v1/complaints:bulk", content=line(1), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:yanpan:problem:unsupported-media-type")


def test_results_come_while_lines_are_still_sent(live: str, key_for):
    connection = HTTPConnection(urlsplit(live).netloc, timeout=30)
    connection.putrequest("POST", "/v1/complaints:bulk")
    for name, value in {**key_for("hotline"), **NDJSON, "Transfer-Encoding": "chunked"}.items():
        connection.putheader(name, value)
    connection.endheaders()

    def push(data: bytes) -> None:
        connection.send(b"%x\r\n%s\r\n" % (len(data), data))

    push(line(1))
    response = connection.getresponse()
    assert json.loads(response.readline())["external_id"] == "B-1"
    push(line(2))
    push(b"")
    assert json.loads(response.readline())["external_id"] == "B-2"
    assert response.readline() == b""


@pytest.mark.slow
def test_a_client_that_sends_all_before_it_reads_is_served(live: str, key_for):
    content = b"".join(line(number, text="电梯困人，物业不管。" * 150) for number in range(1500))
    answer = httpx.post(
        f"{live}/v1/complaints:bulk", content=content, headers={**key_for("hotline"), **NDJSON}, timeout=120
    )
    assert [json.loads(row)["status"] for row in answer.text.splitlines()] == [201] * 1500
