"""Latency of `POST /v1/complaints` at 20 requests a second (open loop), beside the same route without store and search.

Starts `yanpan serve` on a scratch home, sends real texts as one hotline platform would, and reports how long it takes
until an analyst finds a complaint that was just posted. Run: HF_HUB_OFFLINE=1 python -m benchmarks.post
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from benchmarks.common import CHANNELS, MESSAGES, percentiles, report, rows

RATE = 20
SECONDS = 40


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bodies() -> list[dict[str, Any]]:
    calls = [{"external_id": r["id"], "channel": r["channel"], "text": r["text"]} for r in rows(CHANNELS)]
    board = [{"external_id": r["id"], "title": r["title"], "text": r["text"]} for r in rows(MESSAGES)[:2000]]
    mixed = [item for pair in zip(calls, board, strict=False) for item in pair]
    return mixed[: RATE * SECONDS]


def at_rate(client: httpx.Client, path: str, payloads: list[dict[str, Any]]) -> list[float]:
    """Send at a fixed rate whatever the answers do; latency counts from the moment a request was due."""
    start = time.perf_counter() + 0.5

    def send(number: int, payload: dict[str, Any]) -> float:
        due = start + number / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        client.post(path, json=payload).raise_for_status()
        return (time.perf_counter() - due) * 1000

    with ThreadPoolExecutor(32) as pool:
        return list(pool.map(send, range(len(payloads)), payloads))


def until_found(client: httpx.Client) -> float:
    """Seconds from sending a complaint until a search finds it."""
    word = "琉璃巷"
    start = time.perf_counter()
    client.post("/v1/complaints", json={"text": f"{word}口的消防栓漏水三天了，一直没人来修"}).raise_for_status()
    while time.perf_counter() - start < 30:
        if client.get("/v1/search", params={"q": word}).raise_for_status().json()["total"]:
            return time.perf_counter() - start
        time.sleep(0.02)
    raise TimeoutError("the complaint was not found within 30 s")


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="yanpan-bench-"))
    port = free_port()
    environment = {**os.environ, "YANPAN_HOME": str(home), "YANPAN_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    key = subprocess.run(
        [sys.executable, "-m", "service.cli.main", "key", "create", "--role", "admin", "--owner", "bench"],
        env=environment, check=True, capture_output=True, text=True,
    ).stdout.split()[-1]  # fmt: skip
    server = subprocess.Popen([sys.executable, "-m", "service.cli.main", "serve"], env=environment)
    try:
        base = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
            for _ in range(600):
                try:
                    if client.get("/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                time.sleep(0.1)
            payloads = bodies()
            at_rate(client, "/v1/analyse", payloads[:100])
            analyse_only = at_rate(client, "/v1/analyse", payloads[:400])
            posted = at_rate(client, "/v1/complaints", payloads)
            found = [until_found(client)]
            report(
                "post",
                f"{len(payloads)} texts at {RATE} requests/s",
                post_ms=percentiles(posted),
                analyse_only_ms=percentiles(analyse_only),
                seconds_until_found=round(found[0], 2),
            )
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
