"""A labelled text for training; any label may be missing."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data_contracts.complaint import Channel
from data_contracts.faults import violation
from data_contracts.taxonomy import TaxonomyName, taxonomy

_CHECKED: tuple[TaxonomyName, ...] = ("domain", "kind", "dispute_type", "stage", "risk_level")


class LabelledExample(BaseModel):
    """One text with what careful readers said of it. `None` means: not labelled.

    `elements_labelled` tells a stated nothing (True, place None) from an unread one (False).
    """

    model_config = ConfigDict(extra="forbid")

    id: str
    channel: Channel = "other"
    time: str | None = None
    region: str | None = None
    title: str | None = None
    text: str
    domain: str | None = None
    kind: str | None = None
    dispute_type: str | None = None
    stage: str | None = None
    risk_level: str | None = None
    factors: list[str] | None = None
    elements_labelled: bool = False
    place: str | None = None
    counterparty: str | None = None
    amount: float | None = None
    people: float | None = None
    pii: list[str] | None = None
    weight: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _known_labels(self) -> Self:
        for name in _CHECKED:
            value = getattr(self, name)
            if value is not None and value not in taxonomy(name).labels:
                raise violation("label-unknown", f"{name} 的标签“{value}”不在分类表中", f"unknown {name}: {value}")
        unknown = set(self.factors or ()) - set(taxonomy("factor").labels)
        if unknown:
            raise violation(
                "label-unknown", f"未知的风险因素：{sorted(unknown)}", f"unknown factors: {sorted(unknown)}"
            )
        return self
