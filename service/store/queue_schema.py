"""The job queue's own tables, made from the installed library and taken away again by migrations."""

from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, text

_DROP = """
DO $$
DECLARE found record;
BEGIN
    FOR found IN SELECT oid::regclass AS name FROM pg_class
        WHERE relkind = 'r' AND relname LIKE 'procrastinate\\_%' AND relnamespace = current_schema()::regnamespace
    LOOP EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', found.name); END LOOP;
    FOR found IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE proname LIKE 'procrastinate\\_%' AND pronamespace = current_schema()::regnamespace
    LOOP EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', found.name); END LOOP;
    FOR found IN SELECT oid::regtype AS name FROM pg_type
        WHERE typname LIKE 'procrastinate\\_%' AND typtype IN ('e', 'c')
        AND typnamespace = current_schema()::regnamespace
    LOOP EXECUTE format('DROP TYPE IF EXISTS %s CASCADE', found.name); END LOOP;
END $$
"""


def create_queue(connection: Connection) -> None:
    """Make procrastinate's tables, types and functions."""
    connection.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))


def drop_queue(connection: Connection) -> None:
    """Drop them again."""
    connection.execute(text(_DROP.replace(":", "\\:")))
