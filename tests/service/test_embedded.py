"""The embedded PostgreSQL: shared by processes, stopped by the last of them, and started again whatever was killed."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from service.store.embedded import EmbeddedPostgres
from service.store.engine import conninfo

HOLD = """
import sys
from pathlib import Path
from service.store.embedded import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])):
    print("up", flush=True)
    sys.stdin.readline()
"""

pytestmark = pytest.mark.slow


class Holder:
    """Another process that uses the server."""

    def __init__(self, directory: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "up\n"

    def leave(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(60) == 0

    def die(self) -> None:
        self._process.kill()
        self._process.wait(60)


@pytest.fixture
def directory() -> Iterator[Path]:
    """PGDATA below a directory that the database's own account may reach."""
    with tempfile.TemporaryDirectory(prefix="yanpan-test-") as place:
        server = EmbeddedPostgres(Path(place) / "postgres")
        yield server.directory
        with server:
            pass


def postmaster(directory: Path) -> int:
    return int((directory / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])


def pretend(directory: Path, pid: int) -> None:
    """Lock files as a server leaves them that was killed with its machine, when its number is another process's now."""
    lines = f"{pid}\n{directory}\n0\n5432\n{directory}\n\n     1     1\nready\n"
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        (directory / name).write_text(lines, encoding="utf-8")


def works(directory: Path) -> bool:
    with EmbeddedPostgres(directory) as server, psycopg.connect(conninfo(server.url())) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_a_killed_process_counts_no_more(directory: Path):
    server = EmbeddedPostgres(directory)
    killed, other = Holder(directory), Holder(directory)
    killed.die()
    assert server.running()
    other.leave()
    assert not server.running()


def test_what_the_last_killed_one_left_running_is_stopped_by_the_next(directory: Path):
    server = EmbeddedPostgres(directory)
    Holder(directory).die()
    assert server.running()
    assert works(directory)
    assert not server.running()


def test_a_server_that_was_killed_starts_again(directory: Path):
    holder = Holder(directory)
    os.kill(postmaster(directory), signal.SIGKILL)
    assert works(directory)
    holder.die()


def test_lock_files_of_another_process_do_not_keep_it_from_starting(directory: Path):
    assert works(directory)
    pretend(directory, os.getpid())
    assert works(directory)


def test_lock_files_of_a_dead_process_that_nobody_buried_do_not_either(directory: Path):
    assert works(directory)
    dead = subprocess.Popen([str(EmbeddedPostgres(directory).bin / "postgres"), "--version"], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while psutil.Process(dead.pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.05)
    pretend(directory, dead.pid)
    assert works(directory)
    dead.wait()


def test_one_that_is_not_ready_yet_is_waited_for(directory: Path):
    holder = Holder(directory)
    pid = postmaster(directory)
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(1.0, os.kill, (pid, signal.SIGCONT)).start()
    assert works(directory)
    holder.leave()


def test_it_is_reached_by_its_own_socket_only(directory: Path):
    with EmbeddedPostgres(directory) as server, psycopg.connect(conninfo(server.url())) as connection:
        shown = {
            name: connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
            for name in ("listen_addresses", "unix_socket_permissions", "synchronous_commit", "max_connections")
        }
    assert shown == {
        "listen_addresses": ("",),
        "unix_socket_permissions": ("0700",),
        "synchronous_commit": ("on",),
        "max_connections": ("200",),
    }


def test_a_long_path_gets_a_short_socket(directory: Path):
    deep = directory.parent / ("很深的目录" * 8)
    deep.mkdir()
    server = EmbeddedPostgres(deep / "postgres")
    assert server.socket_directory != server.directory
    assert works(server.directory)
