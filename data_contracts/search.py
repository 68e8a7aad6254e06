"""What analysts ask and what they get."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from data_contracts import limits
from data_contracts.clean import STORABLE
from data_contracts.complaint import Answer, Channel

Sort = Literal["relevance", "time", "risk"]
FacetName = Literal["domain", "kind", "dispute_type", "stage", "risk_level", "channel", "region"]


class SearchQuery(BaseModel):
    """A query with filters; lists are alternatives, different filters must all hold. Values are Chinese labels."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(max_length=limits.QUERY_MAX_CHARS), STORABLE] = ""
    domain: list[str] = Field(default_factory=list)
    kind: list[str] = Field(default_factory=list)
    dispute_type: list[str] = Field(default_factory=list)
    stage: list[str] = Field(default_factory=list)
    risk_level: list[str] = Field(default_factory=list)
    channel: list[Channel] = Field(default_factory=list)
    region: Annotated[str, Field(max_length=limits.REGION_MAX_CHARS), STORABLE] | None = None
    case_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    sort: Sort = "relevance"
    limit: Annotated[int, Field(ge=1, le=limits.PAGE_MAX)] = limits.PAGE_DEFAULT
    cursor: Annotated[str, Field(max_length=1024), STORABLE] | None = None
    facets: bool = True


class Highlight(BaseModel):
    """A matched stretch of the masked title or text, in code points."""

    field: Literal["title", "text"]
    start: int
    end: int


class SearchHit(BaseModel):
    """One found complaint."""

    complaint_id: UUID
    external_id: str
    score: float
    title: str | None
    snippet: str = Field(description="the part of the masked text around the matches")
    highlights: list[Highlight] = Field(default_factory=list)
    channel: Channel
    received_at: datetime
    region: str
    region_name: str
    domain: str
    kind: str
    dispute_type: str
    stage: str
    risk_level: str
    risk_score: float
    case_id: UUID | None = None


class FacetCount(BaseModel):
    """How many complaints of the result have this value."""

    value: str
    count: int


class SearchPage(BaseModel):
    """One page of results. `cursor` fetches the next page, None on the last."""

    hits: list[SearchHit]
    total: int
    facets: dict[FacetName, list[FacetCount]] = Field(default_factory=dict)
    cursor: str | None = None
    degraded: bool = Field(default=False, description="the main engine was away; the fallback answered")


class SimilarHit(SearchHit):
    """A similar complaint, why it is similar, and the answers that it got."""

    shared_words: list[str] = Field(default_factory=list)
    same_place: bool = False
    same_party: bool = False
    answers: list[Answer] = Field(default_factory=list)
