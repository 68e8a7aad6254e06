"""Errors as RFC 9457 problem details, in Chinese and English."""

from pydantic import BaseModel, Field


class FieldProblem(BaseModel):
    """One field that is wrong: where (JSON pointer), which rule, what to do."""

    pointer: str
    code: str
    zh: str
    en: str


class Problem(BaseModel):
    """A problem document; `type` is stable and may be switched on by programs."""

    type: str = Field(examples=["urn:yanpan:problem:invalid-request"])
    title: str = Field(description="short name of the problem, in Chinese")
    status: int
    detail: str = Field(description="what happened and what to do, in Chinese")
    detail_en: str = Field(description="the same in English")
    instance: str | None = Field(default=None, description="the request id")
    errors: list[FieldProblem] = Field(default_factory=list)
