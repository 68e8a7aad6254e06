"""Waiting for what happens soon."""

import time
from collections.abc import Callable


def until(done: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for something that happens soon, such as a job."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
