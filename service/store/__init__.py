"""The store of record: PostgreSQL, its tables, and what may be read from them."""
