"""The home of an installation: made ready by whoever comes first, open to its owner only."""

import base64
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from data_contracts.region import sample_regions
from service.home import Home, user_pseudonym
from service.settings import Settings, settings
from service.store.engine import conninfo, open_sessions
from service.store.regions import read_tree


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def key(byte: int) -> SecretStr:
    return SecretStr(base64.b64encode(bytes([byte]) * 32).decode())


@pytest.fixture
def configured(database_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "deep" / "home", database_url=SecretStr(database_url))


class TestFresh:
    def test_directories_and_keys_are_closed_to_others(self, configured: Settings):
        with Home(configured) as home:
            made = home.directory
        assert mode(made) == 0o700
        assert {path.name for path in (made / "keys").iterdir()} == {
            "keyring.json", "pepper.key", "pseudonym.key", "digest.key",
        }  # fmt: skip
        for name in ("keys", "models"):
            assert mode(made / name) == 0o700
        for file in (made / "keys").iterdir():
            assert mode(file) == 0o600

    def test_the_sample_regions_are_loaded(self, configured: Settings):
        with Home(configured) as home, open_sessions(home.engine(1))() as session:
            assert read_tree(session).regions == sample_regions().regions

    def test_opening_again_finds_the_same_keys(self, configured: Settings):
        with Home(configured) as home:
            first = home.keys
            assert len({first.pepper, first.pseudonym, first.digest}) == 3
        with Home(configured) as home:
            again = home.keys
        assert (again.pepper, again.pseudonym, again.digest) == (first.pepper, first.pseudonym, first.digest)
        assert again.ring.ring().keys == first.ring.ring().keys

    def test_keys_may_come_from_outside(self, configured: Settings):
        given = configured.model_copy(update={"key_pepper": key(1), "encryption_key": key(2)})
        keys = Home(given).prepare()
        assert keys.pepper == b"\x01" * 32
        assert list(keys.ring.ring().keys.values()) == [b"\x02" * 32]
        assert not (given.home / "keys" / "pepper.key").exists()

    def test_a_home_that_began_with_its_own_key_still_reads(self, configured: Settings):
        sealed = Home(configured).prepare().ring.ring().seal(b"x", "c")
        given = configured.model_copy(update={"encryption_key": key(2), "encryption_keys_old": [key(3)]})
        ring = Home(given).prepare().ring.ring()
        assert ring.open(sealed, "c") == b"x"
        assert (len(ring.keys), ring.keys[ring.current]) == (3, b"\x02" * 32)

    def test_what_is_no_key_is_refused(self, configured: Settings):
        with pytest.raises(ValueError, match="密钥"):
            Home(configured.model_copy(update={"key_pepper": SecretStr("abc")})).prepare()


OPEN = """
import sys
from pathlib import Path
from sqlalchemy import text
from service.home import Home
from service.settings import settings
with Home(settings()) as home:
    with home.engine(1).connect() as connection:
        regions = connection.scalar(text("SELECT count(*) FROM region"))
    print(regions, home.keys.pepper.hex(), home.keys.ring.ring().current, flush=True)
    sys.stdin.readline()
"""


def start(home: Path) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.Popen(
        [sys.executable, "-c", OPEN],
        env={**environment, "YANPAN_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def leave(process: "subprocess.Popen[str]") -> int:
    assert process.stdin is not None
    process.stdin.close()
    return process.wait(60)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the database's own account may reach; pytest closes its own ones at each start."""
    with tempfile.TemporaryDirectory(prefix="yanpan-test-") as directory:
        yield Path(directory)


@pytest.mark.slow
class TestEmbedded:
    def test_two_processes_make_one_home(self, place: Path):
        home = place / "home"
        first, second = start(home), start(home)
        assert first.stdout is not None
        assert second.stdout is not None
        told = [process.stdout.readline().split() for process in (first, second)]
        assert told[0] == told[1]
        assert int(told[0][0]) == len(sample_regions().regions)
        assert leave(first) == 0
        # The one that stays still has its database.
        with Home(Settings(home=home, database_url=None)) as opened:
            with opened.engine(1).connect() as connection:
                assert connection.scalar(text("SELECT 1")) == 1
            url = opened.url
        assert leave(second) == 0
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(conninfo(url))

    def test_nobody_else_reads_an_embedded_home(self, place: Path):
        with Home(Settings(home=place / "home", database_url=None)) as home:
            assert home.embedded
            assert not mode(home.directory) & (stat.S_IRWXO | stat.S_IRGRP | stat.S_IWGRP)
            assert mode(home.directory / "postgres") == 0o700
            assert mode(home.directory / "keys") == 0o700


class TestSettings:
    @pytest.fixture(autouse=True)
    def _afresh(self):
        settings.cache_clear()
        yield
        settings.cache_clear()

    def test_they_come_from_the_home_and_the_environment_is_stronger(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        (tmp_path / "settings.env").write_text(
            'YANPAN_PORT=9001\nYANPAN_RATE_PER_MINUTE=7\nYANPAN_CORS_ORIGINS=["https://a.gov.test"]\n', encoding="utf-8"
        )
        monkeypatch.setenv("YANPAN_HOME", str(tmp_path))
        monkeypatch.setenv("YANPAN_PORT", "9002")
        read = settings()
        assert (read.home, read.port, read.rate_per_minute) == (tmp_path, 9002, 7)
        assert read.cors_origins == ["https://a.gov.test"]

    def test_a_database_may_be_named_by_the_usual_variable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("YANPAN_HOME", str(tmp_path))
        monkeypatch.setenv("DATABASE_URL", "postgres://yanpan:secret@db/yanpan")
        url = Home(settings()).url
        assert (url.drivername, url.host) == ("postgresql+psycopg", "db")

    def test_secrets_are_not_shown(self, configured: Settings):
        shown = repr(configured.model_copy(update={"encryption_key": key(5)}))
        assert key(5).get_secret_value() not in shown


def test_a_pseudonym_follows_from_the_user_and_the_key():
    assert user_pseudonym(b"k" * 32, " 阿秀 ") == user_pseudonym(b"k" * 32, "阿秀")
    assert user_pseudonym(b"k" * 32, "阿秀") != user_pseudonym(b"j" * 32, "阿秀")
    assert len(user_pseudonym(b"k" * 32, "阿秀")) == 32
