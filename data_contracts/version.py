"""Version of the contracts; raised by hand whenever a schema changes (major when a reader could break)."""

CONTRACTS = "1.1"
