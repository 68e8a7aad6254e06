"""The feed: pulled in order without a gap, and its urgent part pushed."""

import threading
import time

import httpx
import pytest
from fastapi.testclient import TestClient

from service.access import keys
from service.context import Service
from service.feed.publish import NewEvent, publish

CITY, HERE, SISTER = "/990100/", "/990100/990102/", "/990100/990103/"


def happen(service: Service, number: int, *, level: str = "红", where: str = HERE) -> None:
    with service.sessions.begin() as session:
        event = NewEvent("cn.yanpan.complaint.analysed", f"c-{number}", "1", where, {"n": number}, level)
        publish(session, [event])


def test_pages_follow_each_other_without_a_gap(http: TestClient, key_for, service: Service):
    for number in range(1, 8):
        happen(service, number)
    headers, after, seen = key_for("centre"), 0, []
    while True:
        page = http.get("/v1/feed", params={"after": after, "limit": 3}, headers=headers).json()
        seen += [int(event["sequence"]) for event in page["events"]]
        after = page["next"]
        if not page["more"]:
            break
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert http.get("/v1/feed", params={"after": after}, headers=headers).json() == {
        "events": [],
        "next": 7,
        "more": False,
    }


def test_events_are_cloud_events(http: TestClient, key_for, service: Service):
    happen(service, 1)
    (event,) = http.get("/v1/feed", headers=key_for("centre")).json()["events"]
    assert event["specversion"] == "1.0"
    assert event["dataschema"].startswith("urn:yanpan:")
    assert event["data"] == {"n": 1}


@pytest.mark.parametrize("after", ["-1", "x", "1e3", str(1 << 63), "9" * 400])
def test_a_position_that_cannot_be_is_refused(http: TestClient, key_for, after: str):
    assert http.get("/v1/feed", params={"after": after}, headers=key_for("centre")).status_code == 422
    stream = http.get("/v1/feed/stream", headers={**key_for("centre"), "Last-Event-ID": after})
    assert stream.status_code == 422


class Listener:
    """Reads a stream in a thread; holds the numbers of the events that came."""

    def __init__(self, base: str, headers: dict[str, str], **params: object) -> None:
        self.got: list[str] = []
        self.lines: list[str] = []
        self.ended = threading.Event()
        self._ask = (f"{base}/v1/feed/stream", headers, params)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        address, headers, params = self._ask
        try:
            with httpx.stream("GET", address, headers=headers, params=params, timeout=60) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                for row in answer.iter_lines():
                    self.lines.append(row)
                    if row.startswith("id: "):
                        self.got.append(row[4:])
        finally:
            self.ended.set()

    def wait(self, count: int) -> list[str]:
        deadline = time.monotonic() + 15
        while len(self.got) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.got

    def opened(self) -> None:
        deadline = time.monotonic() + 15
        while not self.lines and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self.lines


def test_only_red_and_orange_of_the_own_region_are_pushed(live: str, key_for, service: Service):
    listener = Listener(live, key_for("centre", "望湖区"))
    listener.opened()
    happen(service, 1, level="蓝")
    happen(service, 2, where=SISTER)
    happen(service, 3, level="橙")
    happen(service, 4, where=CITY)
    happen(service, 5, level="黄")
    happen(service, 6)
    assert listener.wait(2) == ["3", "6"]


def test_a_reconnecting_client_misses_nothing(live: str, key_for, service: Service):
    for number in range(1, 6):
        happen(service, number)
    listener = Listener(live, {**key_for("centre"), "Last-Event-ID": "2"})
    assert listener.wait(3) == ["3", "4", "5"]
    from_the_start = Listener(live, key_for("centre"), after=0)
    assert from_the_start.wait(5) == ["1", "2", "3", "4", "5"]


def test_a_revoked_key_loses_its_stream(live: str, key_for, service: Service, monkeypatch: pytest.MonkeyPatch):
    headers = key_for("centre")
    listener = Listener(live, headers)
    listener.opened()
    identifier = headers["Authorization"].removeprefix("Bearer ").partition(".")[0]
    with service.sessions.begin() as session:
        keys.revoke(session, identifier, within=CITY)
    happen(service, 1)
    assert listener.ended.wait(20)
    assert listener.got == []


def test_stopping_the_server_ends_open_streams_at_once(live: str, key_for, request: pytest.FixtureRequest):
    listener = Listener(live, key_for("centre"))
    listener.opened()
    began = time.monotonic()
    request.getfixturevalue("app").state.watch.stop()
    assert listener.ended.wait(10)
    assert time.monotonic() - began < 10
