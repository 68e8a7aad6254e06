"""The OpenAPI document: complete, in Chinese, with examples that hold what they show."""

import json
import re

import pytest
from fastapi import FastAPI

from data_contracts.analysis import Analysis
from data_contracts.complaint import Answer, Complaint
from data_contracts.problem import Problem
from data_contracts.record import ComplaintRecord
from data_contracts.region import sample_regions
from service.http import examples
from service.http.bulk_result import BulkResult
from service.http.problems import MEDIA_TYPE
from service.http.route import ACTION, OPEN

CHINESE = re.compile(r"[一-鿿]")
PROBLEM = {"$ref": "#/components/schemas/Problem"}


@pytest.fixture
def document(app: FastAPI) -> dict:
    return app.openapi()


def operations(document: dict) -> list[tuple[str, dict]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_operation_is_described_in_chinese(document: dict):
    assert len(operations(document)) >= 22
    for name, operation in operations(document):
        assert CHINESE.search(operation["summary"]), name
        assert CHINESE.search(operation["description"]), name
        assert operation["tags"], name
        for parameter in operation.get("parameters", []):
            assert parameter["schema"], name


def test_every_guarded_operation_documents_its_problems(document: dict):
    for name, operation in operations(document):
        if operation.get(OPEN):
            continue
        assert operation[ACTION], name
        assert operation["security"] == [{"bearer": []}, {"apiKey": []}], name
        for status in ("401", "403", "422", "429", "503"):
            assert operation["responses"][status]["content"] == {MEDIA_TYPE: {"schema": PROBLEM}}, f"{name} {status}"
        if "{" in name:
            assert "404" in operation["responses"], name
        if "requestBody" in operation:
            assert "415" in operation["responses"], name


def test_nothing_refers_to_what_is_not_there(document: dict):
    text = json.dumps(document)
    for reference in set(re.findall(r'"#/components/schemas/([^"]+)"', text)):
        assert reference in document["components"]["schemas"], reference
    assert "HTTPValidationError" not in text


def test_the_examples_keep_the_contracts():
    Complaint.model_validate(examples.CALL)
    Complaint.model_validate(examples.MESSAGE)
    Answer.model_validate(examples.ANSWER)
    Analysis.model_validate(examples.ANALYSIS)
    record = ComplaintRecord.model_validate(examples.RECORD)
    for line in examples.BULK_REQUEST.splitlines():
        Complaint.model_validate_json(line)
    results = [BulkResult.model_validate_json(line) for line in examples.BULK_ANSWER.splitlines()]
    assert Problem.model_validate(results[1].problem).status == results[1].status
    tree = sample_regions()
    assert tree.resolve(record.region_name).code == record.region
    for region in (examples.CALL["region"], examples.MESSAGE["region"]):
        assert tree.resolve(region)


def test_the_spans_of_the_example_show_their_words():
    whole = f"{examples.MESSAGE['title']}\n{examples.MESSAGE['text']}"
    for element in Analysis.model_validate(examples.ANALYSIS).elements:
        assert whole[element.span.start : element.span.end] == element.span.text


def test_the_key_schemes_are_declared(document: dict):
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["components"]["securitySchemes"]["apiKey"]["name"] == "X-API-Key"
