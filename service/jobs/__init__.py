"""What happens after the commit: jobs in the same PostgreSQL, deferred in the complaint's own transaction."""
