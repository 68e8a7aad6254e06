"""The routes of API v1: HTTP and nothing else."""
