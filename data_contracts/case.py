"""Cases: the complaints that speak of the same event, and why each was joined."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field


class JoinReason(BaseModel):
    """Why a complaint belongs to its case: the member it is closest to, and on what grounds."""

    score: Annotated[float, Field(ge=0, le=1, description="probability that both speak of the same event")]
    matched: UUID | None = Field(default=None, description="the closest complaint already in the case")
    text_similarity: float | None = None
    shared_places: list[str] = Field(default_factory=list)
    shared_parties: list[str] = Field(default_factory=list)
    shared_words: list[str] = Field(default_factory=list)
    days_apart: float | None = None
    explanation: str = Field(description="one Chinese sentence for people")


class CaseMember(BaseModel):
    """One complaint of a case."""

    complaint_id: UUID
    received_at: datetime
    title: str | None
    summary: str = Field(description="the start of the masked text")
    repost: bool = Field(default=False, description="an exact or near-exact repost, not a new voice")
    reason: JoinReason


class Case(BaseModel):
    """The complaints of one event."""

    case_id: UUID
    title: str
    place: str | None = None
    region: str = Field(description="region code that spans all members")
    region_name: str
    first_at: datetime
    last_at: datetime
    size: int
    reporters: int = Field(description="different reporters, unknown ones counted one each")
    risk_score: float
    risk_level: str
    stage: str
    domain: str
    dispute_type: str
    members: list[CaseMember] = Field(default_factory=list)
