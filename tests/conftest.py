"""Fixtures that many rooms share: a real PostgreSQL for the session, a fresh database for each test."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from service.context import Service
from service.store.embedded import EmbeddedPostgres
from service.store.engine import Sessions, conninfo, open_engine, open_sessions

TEMPLATE = "yanpan_template"
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
"""A test's data need not survive a power cut."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One server for all tests of this run, with a migrated template database."""
    from service.store import schema

    with tempfile.TemporaryDirectory(prefix="yanpan-test-") as directory:
        Path(directory).chmod(0o711)
        with EmbeddedPostgres(Path(directory) / "postgres", settings=FAST) as server:
            _administer(server, f"CREATE DATABASE {TEMPLATE}")
            engine = open_engine(server.url(TEMPLATE))
            schema.upgrade(engine)
            engine.dispose()
            yield server


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database without any table."""
    yield from _database(postgres, "template1")


@pytest.fixture
def database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A migrated database that holds nothing."""
    yield from _database(postgres, TEMPLATE)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on the test's own database."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> Sessions:
    """A session factory on the test's own database."""
    return open_sessions(engine)


def _database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = f"t_{uuid4().hex}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.url(name)
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(server: EmbeddedPostgres, statement: str) -> None:
    with psycopg.connect(conninfo(server.url("postgres")), autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """An open service on the test's own database, with the built-in models."""
    from service.context import open_service
    from service.settings import Settings

    with open_service(Settings(home=tmp_path / "home", database_url=SecretStr(database_url))) as opened:
        yield opened
