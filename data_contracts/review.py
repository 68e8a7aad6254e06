"""What a person says of the model's labels, and what is most worth a person's reading."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from data_contracts import limits
from data_contracts.clean import STORABLE
from data_contracts.faults import violation
from data_contracts.record import ComplaintRecord
from data_contracts.taxonomy import HEADS, TaxonomyName, taxonomy

ReviewReason = Literal["uncertain", "disagreeing", "risky"]
LabelText = Annotated[str, StringConstraints(min_length=1, max_length=40), STORABLE]


class Correction(BaseModel):
    """A reviewer's reading of one version of a complaint: labels that were confirmed or put right, others left out."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "complaint_id": "6f2f4a5e-7c1c-5b7e-9a55-0d6a3b1f2c3d", "version": 1, "stage": "反复",
                    "risk_level": "橙", "note": "去年已答复过一次，未整改",
                }
            ]
        },
    )  # fmt: skip

    complaint_id: UUID
    version: Annotated[int, Field(ge=1, le=1_000_000, description="the version that was read")]
    domain: LabelText | None = None
    kind: LabelText | None = None
    dispute_type: LabelText | None = None
    stage: LabelText | None = None
    risk_level: LabelText | None = None
    note: Annotated[
        Annotated[str, StringConstraints(max_length=limits.NOTE_MAX_CHARS), STORABLE] | None,
        Field(description="why, for colleagues; names nobody"),
    ] = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not self.labels:
            raise violation("labels-missing", "至少给出一个标签", "give at least one label")
        for head, label in self.labels.items():
            if taxonomy(head).find(label) is None:
                known = "、".join(taxonomy(head).labels)
                raise violation("label-unknown", f"{head} 可用：{known}", f"{head} must be one of: {known}")
        return self

    @property
    def labels(self) -> dict[TaxonomyName, str]:
        """The labels that are given, in Chinese, by head."""
        given = {head: getattr(self, head) for head in HEADS}
        found = {head: taxonomy(head).find(label) for head, label in given.items() if label is not None}
        return {head: entry.label if entry else str(given[head]) for head, entry in found.items()}


class CorrectedLabel(BaseModel):
    """One label as a person set it, with who and when; what stood there before is kept."""

    head: str
    label: str
    previous: str
    confirmed: bool = Field(description="the model had said the same")
    version: int
    model_version: str
    role: str
    owner: str
    at: datetime
    note: str | None = None


class ReviewItem(BaseModel):
    """A complaint that is worth a person's reading, and why."""

    complaint: ComplaintRecord
    priority: float = Field(description="greater first, 0 to 3")
    reasons: list[ReviewReason]


class ReviewPage(BaseModel):
    """What to read next, the most worthwhile first."""

    items: list[ReviewItem]
    waiting: int = Field(description="complaints in the key's region that nobody has read yet")
