"""Alembic's entry: runs migrations on the connection that it is given."""

from alembic import context

from service.store.tables import all_tables

OUTSIDE = ("procrastinate_", "ix_search_document_embedding")
"""Tables of the job queue, and the vector index, which depends on the encoder: neither is in our metadata."""

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=all_tables(),
    include_name=lambda name, kind, _: not str(name).startswith(OUTSIDE),
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
