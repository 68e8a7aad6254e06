"""JSON Schemas of all contracts: exported for others, pinned by version for ourselves."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from data_contracts import version
from data_contracts.analysis import Analysis
from data_contracts.case import Case
from data_contracts.complaint import Answer, Complaint
from data_contracts.events import CloudEvent, FeedPage
from data_contracts.example import LabelledExample
from data_contracts.problem import Problem
from data_contracts.record import ComplaintRecord
from data_contracts.region import Region
from data_contracts.review import CorrectedLabel, Correction, ReviewPage
from data_contracts.search import SearchPage, SearchQuery, SimilarHit

CONTRACTS: dict[str, type[BaseModel]] = {
    "complaint": Complaint,
    "answer": Answer,
    "analysis": Analysis,
    "complaint-record": ComplaintRecord,
    "case": Case,
    "search-query": SearchQuery,
    "search-page": SearchPage,
    "similar-hit": SimilarHit,
    "cloud-event": CloudEvent,
    "feed-page": FeedPage,
    "labelled-example": LabelledExample,
    "correction": Correction,
    "corrected-label": CorrectedLabel,
    "review-page": ReviewPage,
    "region": Region,
    "problem": Problem,
}


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (2020-12) of every contract, by name."""
    return {
        name: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:yanpan:contract:{name}:{version.CONTRACTS}",
            **model.model_json_schema(),
        }
        for name, model in CONTRACTS.items()
    }


def digest() -> str:
    """SHA-256 over all schemas; the same contracts always give the same digest."""
    canonical = json.dumps(schemas(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def export(directory: Path) -> list[Path]:
    """Write one `NAME.schema.json` a contract into a directory; returns the files."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in schemas().items():
        path = directory / f"{name}.schema.json"
        path.write_text(json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        written.append(path)
    return written
