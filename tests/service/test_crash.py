"""Killed in the middle, taken up again: nothing lost, nothing twice."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from service.store.embedded import EmbeddedPostgres
from service.store.engine import conninfo
from service.store.ids import complaint_id

ROOT = Path(__file__).parents[2]
ROWS = 420
PROGRAM = """
import typer
from service.cli import db, importing
from service.importing import run
run.BATCH = 40
app = typer.Typer()
importing.register(app)
db.register(app)
app()
"""
"""The command `import`, in batches small enough to be cut between."""
STREETS = (
    "柳堤",
    "荷渚",
    "书台",
    "鼓铙",
    "南栅",
    "月漾",
    "砚岭",
    "纺机",
    "双檀",
    "白垩",
    "澜浦",
    "旧埠",
    "缆桥",
    "船坞",
)
TROUBLES = (
    "路灯不亮",
    "井盖松动",
    "垃圾没人清运",
    "夜里施工太吵",
    "自来水发黄",
    "公交站棚漏雨",
    "狗没拴绳",
    "树枝压住电线",
)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the database's own account may reach; pytest closes its own ones at each start."""
    with tempfile.TemporaryDirectory(prefix="yanpan-test-") as directory:
        yield Path(directory)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    rows = [
        {
            "id": f"R-{n}",
            "text": f"{STREETS[n % 14]}街道{n}号门前{TROUBLES[n % 8]}，已经{n % 30 + 1}天，请处理。",
            "time": f"2026-05-{n % 28 + 1:02} 08:00",
            **({"reply": f"第{n}件已处理。"} if n % 5 == 0 else {}),
        }
        for n in range(ROWS)
    ]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


class Importing:
    """The import of one file on one home, by a program of its own."""

    def __init__(self, home: Path, file: Path) -> None:
        self.server = EmbeddedPostgres(home / "postgres")
        self.log = home.with_name("import.log")
        self._command = [sys.executable, "-c", PROGRAM, "import", str(file), "--source", "crash"]
        kept = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
        self._environment = {**kept, "YANPAN_HOME": str(home), "YANPAN_STALLED_AFTER_SECONDS": "3"}

    def start(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._command, env=self._environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def run(self) -> None:
        process = self.start()
        assert process.wait(300) == 0, self.log.read_text(encoding="utf-8")[-3000:]

    def read(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(conninfo(self.server.url())) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]

    def stored(self) -> int:
        try:
            return int(self.read("SELECT count(*) FROM complaint")[0][0])
        except psycopg.Error:
            return 0

    def wait_for_rows(self, process: "subprocess.Popen[bytes]", wanted: int) -> None:
        """Until so many complaints are committed, while the program still runs."""
        deadline = time.monotonic() + 240
        while self.stored() < wanted:
            assert process.poll() is None, self.log.read_text(encoding="utf-8")[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.01)


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """The program and the processes that it started, but not the server: that has a session of its own."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


def check_whole(home: Path) -> None:
    """Everything that the file says is there once, with all that follows from it."""
    with EmbeddedPostgres(home / "postgres") as server, psycopg.connect(conninfo(server.url())) as connection:

        def read(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]

        wanted = {complaint_id("crash", f"R-{n}") for n in range(ROWS)}
        answered = sum(n % 5 == 0 for n in range(ROWS))
        for table, column in (
            ("complaint", "id"), ("complaint_version", "complaint_id"), ("search_document", "complaint_id"),
            ("case_member", "complaint_id"),
        ):  # fmt: skip
            ids = [row[0] for row in read(f"SELECT {column} FROM {table}")]
            assert len(ids) == len(set(ids)), table
            assert set(ids) == wanted, table
        assert read("SELECT count(*), count(DISTINCT complaint_id) FROM answer") == [(answered, answered)]
        sequences = [row[0] for row in read("SELECT sequence FROM feed_event ORDER BY sequence")]
        assert sequences == list(range(1, len(sequences) + 1))
        assert read(
            "SELECT type, count(*), count(DISTINCT subject) FROM feed_event "
            "WHERE type LIKE '%.complaint.%' GROUP BY type ORDER BY type"
        ) == [
            ("cn.yanpan.complaint.analysed", ROWS, ROWS),
            ("cn.yanpan.complaint.answered", answered, answered),
        ]
        assert read("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'process'") == [(0,)]
        assert read("SELECT documents FROM search_total") == [(ROWS,)]
        assert read(
            "SELECT count(*) FROM complaint JOIN case_member m ON m.complaint_id = complaint.id "
            "JOIN search_document d ON d.complaint_id = complaint.id "
            "WHERE complaint.case_id = m.case_id AND d.case_id = m.case_id"
        ) == [(ROWS,)]


@pytest.mark.slow
@pytest.mark.parametrize("after", [60, 250])
def test_an_import_that_was_killed_is_taken_up_again(place: Path, file: Path, after: int) -> None:
    home = place / "home"
    importing = Importing(home, file)
    first = importing.start()
    importing.wait_for_rows(first, after)
    kill_group(first)
    assert importing.stored() < ROWS
    importing.run()
    check_whole(home)


@pytest.mark.slow
def test_a_database_that_was_killed_loses_nothing(place: Path, file: Path) -> None:
    home = place / "home"
    importing = Importing(home, file)
    first = importing.start()
    importing.wait_for_rows(first, 120)
    pid = int((home / "postgres" / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
    os.kill(pid, signal.SIGKILL)
    assert first.wait(120) != 0
    importing.run()
    check_whole(home)
