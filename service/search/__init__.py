"""Search: one protocol, its PostgreSQL implementation, and the pure parts that both engines share."""
