"""What the service understood of one complaint."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data_contracts.faults import violation
from data_contracts.taxonomy import HEADS, TaxonomyName, taxonomy

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
MaskKind = Literal[
    "person", "mobile", "landline", "id_card", "bank_card", "plate", "email", "wechat", "qq", "room", "number"
]
ElementName = Literal[
    "place", "counterparty", "party", "contact", "amount", "people", "time", "demand", "cause", "measure",
    "hazard_type", "responsible_unit",
]  # fmt: skip

MASK_LABELS: dict[MaskKind, str] = {
    "person": "姓名",
    "mobile": "手机号",
    "landline": "电话",
    "id_card": "身份证号",
    "bank_card": "银行卡号",
    "plate": "车牌号",
    "email": "邮箱",
    "wechat": "微信号",
    "qq": "QQ号",
    "room": "房号",
    "number": "号码",
}


class Span(BaseModel):
    """A stretch of the complaint, counted in code points.

    `start`/`end` count into the text as given (title, newline, body); `masked_start`/`masked_end` into the masked text.
    """

    model_config = ConfigDict(extra="forbid")

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    masked_start: Annotated[int, Field(ge=0)]
    masked_end: Annotated[int, Field(ge=0)]
    text: str = Field(description="the words of the span; masked wherever it is kept or sent")


class Mask(BaseModel):
    """A stretch that was hidden, and what kind of thing it hides."""

    model_config = ConfigDict(extra="forbid")

    kind: MaskKind
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    masked_start: Annotated[int, Field(ge=0)]
    masked_end: Annotated[int, Field(ge=0)]


class Moved(BaseModel):
    """A word and how much it moved a label (log-odds against the mean of the other classes)."""

    model_config = ConfigDict(extra="forbid")

    word: str
    weight: float


class Label(BaseModel):
    """One label with its calibrated confidence; `abstain` asks a person to look, the label stands all the same."""

    model_config = ConfigDict(extra="forbid")

    label: str
    confidence: Probability
    abstain: bool = False
    corrected: bool = Field(default=False, description="a person set or confirmed it; the scores stay the model's")
    scores: dict[str, Probability] = Field(default_factory=dict, description="probability of every class, by label")
    why: list[Moved] = Field(default_factory=list)


class Factor(BaseModel):
    """A reason why the matter is risky, with the words that say so."""

    model_config = ConfigDict(extra="forbid")

    label: str
    confidence: Probability
    evidence: list[Span]


class Risk(BaseModel):
    """How dangerous the matter (never the person) is: 0-100, level, factors."""

    model_config = ConfigDict(extra="forbid")

    score: Annotated[float, Field(ge=0, le=100)]
    level: Label
    factors: list[Factor] = Field(default_factory=list)
    raised_by_rule: str | None = Field(default=None, description="the explicit-threat rule that raised the level")


class Element(BaseModel):
    """Something that the text states, with its place in the text and a normalised value."""

    model_config = ConfigDict(extra="forbid")

    name: ElementName
    span: Span
    value: str | float | None = Field(
        default=None, description="yuan for sums, a count for people, ISO dates for times"
    )


class Analysis(BaseModel):
    """Everything that was read from one complaint, and by which model."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    domain: Label
    kind: Label
    dispute_type: Label
    stage: Label
    risk: Risk
    elements: list[Element] = Field(default_factory=list)
    keywords: list[str] = Field(default_factory=list)
    masks: list[Mask] = Field(default_factory=list)
    masked_title: str | None = None
    masked_text: str
    model_version: str
    timings_ms: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_labels(self) -> Self:
        for head in HEADS:
            if taxonomy(head).find(self.label(head).label) is None:
                raise violation("label-unknown", f"{head} 的标签不在分类表中", f"{head} is not in the taxonomy")
        return self

    def label(self, head: TaxonomyName) -> Label:
        """The label of one of the five heads, by its name."""
        if head == "risk_level":
            return self.risk.level
        found = getattr(self, head)
        assert isinstance(found, Label)
        return found

    def first(self, name: ElementName) -> Element | None:
        """The leading element of a name (the pipeline puts the main one first), or None."""
        return next((element for element in self.elements if element.name == name), None)
