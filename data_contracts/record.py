"""Stored complaints as the API returns them; never with unmasked text."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from data_contracts.analysis import Analysis
from data_contracts.complaint import Attachment, Channel

Status = Literal["active", "withdrawn"]


class ComplaintRecord(BaseModel):
    """One stored complaint: what it says (masked), what was understood, where it belongs."""

    complaint_id: UUID
    source: str
    external_id: str
    version: int = Field(description="1 for the first; each PUT that changes the body adds one")
    status: Status = "active"
    channel: Channel
    received_at: datetime
    created_at: datetime
    updated_at: datetime
    region: str
    region_name: str
    title: str | None
    text: str = Field(description="masked")
    reporter: str | None = None
    likes: int = 0
    attachments: list[Attachment] = Field(default_factory=list)
    analysis: Analysis
    case_id: UUID | None = Field(default=None, description="None until the case finder has run, about a second")
    topic_id: int | None = None


class Original(BaseModel):
    """The text as it was given; reading it needs its own permission and is audited."""

    complaint_id: UUID
    version: int
    title: str | None
    text: str
