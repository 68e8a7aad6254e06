"""Who may do what, where: keys, roles, region scope, rate limits and the audit log."""
