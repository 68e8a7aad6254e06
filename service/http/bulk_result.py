"""What became of one line of a bulk request."""

from uuid import UUID

from pydantic import BaseModel, Field

from data_contracts.problem import Problem
from service.errors import Fault
from service.intake import Accepted


class BulkResult(BaseModel):
    """One line of the answer; `status` is what the line would have got as a request of its own."""

    line: int = Field(description="行号，从 1 起")
    status: int = Field(description="201 新建，200 已有，其余见 problem", examples=[201])
    source: str | None = None
    external_id: str | None = None
    complaint_id: UUID | None = None
    version: int | None = None
    domain: str | None = None
    kind: str | None = None
    dispute_type: str | None = None
    stage: str | None = None
    risk_level: str | None = None
    risk_score: float | None = None
    problem: Problem | None = None

    @classmethod
    def of(cls, line: int, accepted: Accepted) -> "BulkResult":
        """The result of a line that was taken in."""
        record = accepted.record
        analysis = record.analysis
        return cls(
            line=line,
            status=201 if accepted.created else 200,
            source=record.source,
            external_id=record.external_id,
            complaint_id=record.complaint_id,
            version=record.version,
            domain=analysis.domain.label,
            kind=analysis.kind.label,
            dispute_type=analysis.dispute_type.label,
            stage=analysis.stage.label,
            risk_level=analysis.risk.level.label,
            risk_score=analysis.risk.score,
        )

    @classmethod
    def refused(
        cls, line: int, fault: Fault, source: str | None = None, external_id: str | None = None
    ) -> "BulkResult":
        """The result of a line that was not."""
        return cls(
            line=line,
            status=fault.status,
            source=source,
            external_id=external_id,
            problem=Problem.model_validate(fault.problem()),
        )

    def to_line(self) -> bytes:
        """The result as a line of NDJSON."""
        return self.model_dump_json(exclude_none=True).encode() + b"\n"
