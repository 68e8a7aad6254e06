"""Reads texts and keeps nothing of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import Discriminator, Field, Tag

from data_contracts import limits
from data_contracts.analysis import Analysis
from data_contracts.complaint import Complaint
from nlp.redact import redacted
from service.http import examples
from service.http.context import Running
from service.http.regions import resolve
from service.http.route import GuardedRoute, guarded
from service.http.translate import MANY, ONE

router = APIRouter(route_class=GuardedRoute, tags=["分析"])

Batch = Annotated[list[Complaint], Field(min_length=1, max_length=limits.ANALYSE_BATCH_MAX)]


def _shape(value: Any) -> str:
    return MANY if isinstance(value, list) else ONE


OneOrMany = Annotated[Annotated[Complaint, Tag(ONE)] | Annotated[Batch, Tag(MANY)], Discriminator(_shape)]
_EXAMPLES: Any = {
    "one": {"summary": "一件", "value": {"text": examples.MESSAGE["text"]}},
    "many": {"summary": "多件", "value": [examples.CALL, examples.MESSAGE]},
}


_ANSWER = examples.shown("一件得一个分析，多件得同序的数组", examples.ANALYSIS)


@router.post(
    "/v1/analyse",
    summary="只分析、不保存",
    **guarded("analyse", body=True, responses={200: _ANSWER}),
)
def analyse(
    given: Annotated[OneOrMany, Body(openapi_examples=_EXAMPLES)], running: Running
) -> Analysis | list[Analysis]:
    """分析一件诉求，或至多 64 件的数组；文本与结果都不保存。"""
    complaints = given if isinstance(given, list) else [given]
    for place, complaint in enumerate(complaints):
        resolve(running.regions, complaint.region, f"/{place}/region" if isinstance(given, list) else "/region")
    analyses = [redacted(analysis) for analysis in running.pipeline.analyse(complaints)]
    return analyses if isinstance(given, list) else analyses[0]
