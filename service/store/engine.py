"""Connections to PostgreSQL, configured in one place."""

from typing import Any

import orjson
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import Session, sessionmaker

Sessions = sessionmaker[Session]


def normal_url(url: str) -> URL:
    """A database URL in any of the usual spellings, as one for psycopg 3.

    Raises:
        ValueError: it is not a PostgreSQL URL.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise ValueError(f"只支持 PostgreSQL，数据库地址以 {parsed.drivername}:// 开头")
    return parsed.set(drivername="postgresql+psycopg")


def open_engine(url: str | URL, *, pool_size: int = 16) -> Engine:
    """An engine whose pool notices connections that died, and whose JSON is orjson's."""
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=30,
        # Parameters are people's words, which must not reach a log through an error's text.
        hide_parameters=True,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        connect_args={"connect_timeout": 10, "application_name": "yanpan"},
    )


def open_sessions(engine: Engine) -> Sessions:
    """A session factory; rows stay readable after their transaction."""
    return sessionmaker(engine, expire_on_commit=False)


def conninfo(url: str | URL) -> str:
    """The same database as a libpq connection string, for procrastinate and LISTEN."""
    return (
        normal_url(str(url) if isinstance(url, str) else url.render_as_string(hide_password=False))
        .set(drivername="postgresql")
        .render_as_string(hide_password=False)
    )


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()
