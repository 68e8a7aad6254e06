"""How many requests a key may make in a minute."""

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from service.errors import TooMany


class RateLimit:
    """A sliding window per key, in the memory of this process: every process counts for itself."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def hit(self, key_id: str) -> None:
        """Count one request.

        Raises:
            TooMany: the key has used up its minute; `Retry-After` says when to come back.
        """
        if self._limiter.hit(self._item, key_id):
            return
        reset = self._limiter.get_window_stats(self._item, key_id).reset_time
        wait = max(1, math.ceil(reset - time.time()))
        raise TooMany(
            f"每分钟最多 {self.per_minute} 次请求，请 {wait} 秒后再试",
            f"at most {self.per_minute} requests a minute; try again in {wait} seconds",
            headers={"Retry-After": str(wait)},
        )
