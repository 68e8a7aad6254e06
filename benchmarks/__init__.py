"""Benchmarks: each script prints one JSON line and compares with a peer in the same run."""
