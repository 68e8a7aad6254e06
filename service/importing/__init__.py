"""Bringing in files: rows of any table-like format become complaints, and what cannot is told with its line."""
