"""Parameters that several routes share."""

from typing import Annotated

from fastapi import Query

POSITION_MAX = (1 << 63) - 1
"""The largest number that a bigint column holds."""

Many = Annotated[list[str], Query(default_factory=list, max_length=32, description="标签或代码，可重复，取“或”")]
