"""Feed and webhook events as CloudEvents 1.0 in JSON."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

EventType = Literal[
    "cn.yanpan.complaint.analysed",
    "cn.yanpan.complaint.updated",
    "cn.yanpan.complaint.withdrawn",
    "cn.yanpan.complaint.erased",
    "cn.yanpan.complaint.answered",
    "cn.yanpan.case.changed",
]


class CloudEvent(BaseModel):
    """A CloudEvents 1.0 envelope with the `sequence` extension: the feed position, gap-free and ascending."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str = "/yanpan/feed"
    type: EventType
    subject: str = Field(description="complaint or case id")
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    sequence: str = Field(description="the feed position, a decimal number")
    data: dict[str, Any]


class FeedPage(BaseModel):
    """Events after a position, in order. Ask again with `after=next`."""

    events: list[CloudEvent]
    next: int = Field(description="the position of the last event given, or the `after` that was asked with")
    more: bool
