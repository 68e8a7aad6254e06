"""What the tests of search share: an engine on a fresh database, and complaints made in one line."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from data_contracts.region import sample_regions
from nlp.encoder import Encoder
from nlp.indexing import index_fields
from service.jobs import process
from service.search.postgres import PostgresSearch
from service.search.protocol import SearchDocument
from service.store.engine import Sessions
from service.store.ids import complaint_id
from service.store.tables.complaints import ComplaintRow

CITY = "/990100/"
TREE = sample_regions()
START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def stored(number: int | str, text: str, *, title: str | None = None, **more: Any) -> ComplaintRow:
    """A complaint as the store keeps it."""
    region = TREE.resolve(more.pop("region", None))
    place, party = more.pop("place", None), more.pop("party", None)
    labels = {
        "domain": "城乡建设",
        "kind": "投诉",
        "dispute_type": "物业",
        "stage": "持续",
        "risk_level": more.pop("risk_level", "蓝"),
    }
    labels.update({name: more.pop(name) for name in list(labels) if name in more})
    score = more.pop("risk_score", 10.0)
    whole = f"{title}\n{text}" if title else text
    elements = []
    for name, said in (("place", place), ("counterparty", party)):
        if said:
            at = whole.index(said)
            span = {"start": at, "end": at + len(said), "masked_start": at, "masked_end": at + len(said), "text": said}
            elements.append({"name": name, "span": span, "value": None})
    sure = {name: {"label": label, "confidence": 0.9} for name, label in labels.items()}
    risk = {"score": score, "level": sure.pop("risk_level"), "factors": []}
    plain: dict[str, Any] = {
        "id": key(number),
        "source": "test",
        "external_id": str(number),
        "version": 1,
        "status": "active",
        "channel": "hotline",
        "received_at": START + timedelta(hours=number if isinstance(number, int) else 0),
        "region_code": region.code,
        "region_path": region.path,
        "title": title,
        "text": text,
        "reporter": None,
        "likes": 0,
        "attachments": [],
        "body_digest": b"digest",
        "analysis": {
            **sure, "risk": risk, "elements": elements, "masked_title": title, "masked_text": text,
            "model_version": "test",
        },
        **labels,
        "risk_score": score,
        "model_version": "test",
        "case_id": None,
        "topic_id": None,
    }  # fmt: skip
    return ComplaintRow(**{**plain, **more})


def put(sessions: Sessions, search: PostgresSearch, encoder: Encoder, rows: list[ComplaintRow]) -> None:
    """Store complaints and index them."""
    with sessions.begin() as session:
        session.add_all(rows)
    search.index([process.document(row, index_fields(encoder, [(row.title, row.text)])[0]) for row in rows])


def engine_on(sessions: Sessions, encoder: Encoder) -> PostgresSearch:
    return PostgresSearch(sessions, lambda: TREE, lambda: encoder)


def key(number: int | str) -> UUID:
    return complaint_id("test", str(number))


def document(
    encoder: Encoder, number: int | str, text: str, *, title: str | None = None, **more: Any
) -> SearchDocument:
    region = TREE.resolve(more.pop("region", None))
    plain: dict[str, Any] = {
        "complaint_id": key(number),
        "version": 1,
        "external_id": str(number),
        "title": title,
        "text": text,
        "channel": "hotline",
        "received_at": START + timedelta(hours=number if isinstance(number, int) else 0),
        "region_code": region.code,
        "region_path": region.path,
        "domain": "城乡建设",
        "kind": "投诉",
        "dispute_type": "物业",
        "stage": "持续",
        "risk_level": "蓝",
        "risk_score": 10.0,
        "case_id": None,
        "place": None,
        "party": None,
        "model_version": "test",
    }
    return SearchDocument(**{**plain, **more}, fields=index_fields(encoder, [(title, text)])[0])
