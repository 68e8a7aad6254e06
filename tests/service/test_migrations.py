from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from service.store import schema
from service.store.engine import open_engine
from service.store.tables import all_tables


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_up_and_down_leave_nothing_behind(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    schema.upgrade(engine)
    assert {"complaint", "search_document", "case_member", "procrastinate_jobs"} <= tables(engine)
    schema.downgrade(engine)
    assert tables(engine) == {"alembic_version"}
    with engine.connect() as connection:
        left = connection.scalar(text("SELECT count(*) FROM pg_proc WHERE proname LIKE 'procrastinate%'"))
        assert left == 0
    schema.upgrade(engine)
    assert "complaint" in tables(engine)
    engine.dispose()


def test_the_migrated_database_is_what_the_code_declares(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: not str(name).startswith("procrastinate_"),
            },
        )
        assert compare_metadata(context, all_tables()) == []


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    schema.upgrade(engine)
    with engine.connect() as connection:
        assert schema.current(connection) == schema.newest()
