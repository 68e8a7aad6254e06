"""What comes in: complaints from any channel, and the answers that offices gave to them."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data_contracts import limits
from data_contracts.clean import FILLED, IDENTIFIER, STORABLE
from data_contracts.faults import violation
from data_contracts.times import Moment

Channel = Literal["hotline", "app", "wechat", "petition", "grid", "other"]
Speaker = Literal["agent", "citizen"]

SPEAKER_LABELS: dict[Speaker, str] = {"agent": "话务员", "citizen": "市民"}


class Turn(BaseModel):
    """One turn of a call: who spoke, what, and where in the recording."""

    model_config = ConfigDict(extra="forbid")

    speaker: Speaker
    text: Annotated[str, Field(max_length=limits.TURN_MAX_CHARS), STORABLE]
    offset: Annotated[float, Field(ge=0, le=limits.TURN_OFFSET_MAX_SECONDS, allow_inf_nan=False)] | None = Field(
        default=None, description="seconds from the start of the recording"
    )


class Attachment(BaseModel):
    """Metadata of a file that stays with the source system; its name is left out, it may name a person."""

    model_config = ConfigDict(extra="forbid")

    media_type: Annotated[str, Field(max_length=128, pattern=r"^[\w.+-]+/[\w.+-]+$")]
    bytes: Annotated[int, Field(ge=0, le=limits.ATTACHMENT_MAX_BYTES)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class Complaint(BaseModel):
    """One incoming record, whatever its channel.

    Exactly one of `text` and `turns` is given. Spans of an analysis count code points into `full_text`.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "source": "hotline-12345",
                    "external_id": "HL20260415-000731",
                    "channel": "hotline",
                    "received_at": "2026-04-15T09:12:00+08:00",
                    "region": "望湖区",
                    "turns": [
                        {"speaker": "agent", "text": "您好，云州12345，请讲。", "offset": 0.0},
                        {
                            "speaker": "citizen",
                            "text": "我们工地三十来个人，四个月没发工资了，总共差不多六十万。",
                            "offset": 3.2,
                        },
                    ],
                }
            ]
        },
    )

    source: Annotated[
        str, IDENTIFIER, Field(max_length=limits.SOURCE_MAX_CHARS, description="the source system"), STORABLE
    ] = "default"
    external_id: Annotated[
        str,
        IDENTIFIER,
        Field(max_length=limits.EXTERNAL_ID_MAX_CHARS, description="the source system's own id"),
        STORABLE,
    ] = Field(default_factory=lambda: uuid4().hex)
    channel: Channel = "other"
    received_at: Moment = Field(default_factory=lambda: datetime.now(UTC))
    region: Annotated[str, Field(max_length=limits.REGION_MAX_CHARS), STORABLE] | None = Field(
        default=None, description="administrative code or unambiguous name; the root of the tree when absent"
    )
    title: Annotated[str, Field(max_length=limits.TITLE_MAX_CHARS), STORABLE] | None = None
    text: Annotated[str, Field(max_length=limits.TEXT_MAX_CHARS), FILLED] | None = None
    turns: Annotated[list[Turn], Field(min_length=1, max_length=limits.TURNS_MAX)] | None = None
    reporter: Annotated[str, Field(pattern=r"^[0-9a-f]{16,64}$")] | None = Field(
        default=None, description="pseudonym: a keyed hash made at the edge, never a name or number"
    )
    likes: Annotated[int, Field(ge=0, le=limits.LIKES_MAX)] = 0
    attachments: Annotated[list[Attachment], Field(max_length=limits.ATTACHMENTS_MAX)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if (self.text is None) == (self.turns is None):
            raise violation("text-or-turns", "text 与 turns 必须且只能填写一项", "give exactly one of text and turns")
        if self.turns is not None:
            if not any(turn.text.strip() for turn in self.turns):
                raise violation("text-blank", "通话内容为空，请填写", "the transcript is blank; fill it in")
            if len(self.body) > limits.TEXT_MAX_CHARS:
                raise violation(
                    "text-too-long",
                    f"通话全文超过 {limits.TEXT_MAX_CHARS} 字",
                    f"the transcript exceeds {limits.TEXT_MAX_CHARS} characters",
                )
        return self

    @property
    def body(self) -> str:
        """The text as given, or the turns rendered as `话务员：…` / `市民：…` lines."""
        if self.turns is None:
            return self.text or ""
        return "\n".join(f"{SPEAKER_LABELS[turn.speaker]}：{turn.text}" for turn in self.turns)

    @property
    def full_text(self) -> str:
        """Title, newline, body; the body alone where there is no title. What spans count into."""
        return f"{self.title}\n{self.body}" if self.title else self.body

    @property
    def body_start(self) -> int:
        """Offset of the body in `full_text`, in code points."""
        return len(self.title) + 1 if self.title else 0


class Answer(BaseModel):
    """What an office replied to a complaint."""

    model_config = ConfigDict(extra="forbid")

    office: Annotated[str, Field(max_length=limits.OFFICE_MAX_CHARS), FILLED]
    answered_at: Moment = Field(default_factory=lambda: datetime.now(UTC))
    text: Annotated[str, Field(max_length=limits.TEXT_MAX_CHARS), FILLED]
    resolved: bool | None = None
    satisfaction: Annotated[int, Field(ge=1, le=5)] | None = Field(
        default=None, description="the citizen's satisfaction, 1 (very dissatisfied) to 5 (very satisfied)"
    )
