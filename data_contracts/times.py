"""Times as they cross the boundary: with a zone, neither absurdly old nor in the future."""

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from data_contracts.faults import violation
from data_contracts.limits import EARLIEST_TIME, FUTURE_TOLERANCE

LOCAL = ZoneInfo("Asia/Shanghai")


def zoned(value: datetime) -> datetime:
    """Read a time without a zone as Asia/Shanghai."""
    return value.replace(tzinfo=LOCAL) if value.tzinfo is None else value


def plausible(value: datetime) -> datetime:
    """Refuse times before 2000 or more than ten minutes ahead of now.

    Raises:
        PydanticCustomError: `time-too-early` or `time-in-future`.
    """
    value = zoned(value)
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        raise violation("time-out-of-range", "时间超出可表示的范围", "the time is out of range") from None
    if instant < EARLIEST_TIME:
        raise violation(
            "time-too-early",
            "时间早于 2000-01-01，请核对",
            "the time lies before 2000-01-01; check clock and format",
        )
    if instant > datetime.now(UTC) + FUTURE_TOLERANCE:
        raise violation(
            "time-in-future",
            "时间晚于当前时间，请核对时钟与时区",
            "the time lies in the future; check clock and zone",
        )
    return value


Moment = Annotated[datetime, AfterValidator(plausible)]
