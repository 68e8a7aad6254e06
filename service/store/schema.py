"""Bring a database to the schema that this code needs, whoever else tries to at the same time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

MIGRATION_LOCK = 0x79616E70_01
"""Advisory lock that one migrating process holds."""
_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine) -> None:
    """Migrate to the newest revision; waits while another process does the same."""
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        try:
            if current(connection) != newest():
                command.upgrade(_config(connection), "head")
                connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Go back to an older revision; what it did not have is dropped."""
    with engine.begin() as connection:
        command.downgrade(_config(connection), revision)


def current(connection: Connection) -> str | None:
    """The revision of a database; None when it has none."""
    revision = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    return revision


def newest() -> str:
    """The revision that this code needs."""
    head = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def _config(connection: Connection) -> Config:
    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made
