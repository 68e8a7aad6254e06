"""The public board's messages as masked texts and index fields, for the benchmarks of search and cases."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.common import HELD_OUT, MESSAGES, rows
from data_contracts.region import sample_regions
from nlp.encoder import Encoder
from nlp.indexing import IndexFields, index_fields
from nlp.prepare import prepare
from service.importing.rows import for_analysis
from service.search.postgres import PostgresSearch
from service.search.protocol import SearchDocument
from service.store import schema
from service.store.embedded import EmbeddedPostgres
from service.store.engine import Sessions, open_engine, open_sessions
from service.store.ids import complaint_id

BATCH = 256
ROOT = sample_regions().root


@dataclass(frozen=True, slots=True)
class Message:
    """One masked message of the board."""

    id: str
    title: str | None
    text: str
    received_at: datetime


def messages(prefix: str = "") -> list[Message]:
    """All messages whose id begins so, masked, in file order."""
    found = []
    for row in rows(MESSAGES):
        if row["id"].startswith(prefix):
            complaint = for_analysis(row)
            ready = prepare(complaint)
            found.append(Message(row["id"], ready.masked_title, ready.masked_text, complaint.received_at))
    return found


def held_out() -> set[str]:
    """The ids that nothing is tuned or labelled on."""
    return set(HELD_OUT.read_text(encoding="utf-8").split())


def fields_of(encoder: Encoder, found: Sequence[Message]) -> Iterator[list[IndexFields]]:
    """Index fields in batches of `BATCH`."""
    for start in range(0, len(found), BATCH):
        yield index_fields(encoder, [(item.title, item.text) for item in found[start : start + BATCH]])


def document(item: Message, fields: IndexFields) -> SearchDocument:
    """A message as the index holds it; labels are all the same, search does not read them."""
    return SearchDocument(
        complaint_id=complaint_id("board", item.id), version=1, external_id=item.id, title=item.title, text=item.text,
        channel="other", received_at=item.received_at, region_code=ROOT.code, region_path=ROOT.path,
        domain="城乡建设", kind="投诉", dispute_type="其他", stage="持续", risk_level="蓝", risk_score=0.0,
        case_id=None, place=None, party=None, model_version="none", fields=fields,
    )  # fmt: skip


@contextmanager
def scratch_sessions() -> Iterator[Sessions]:
    """A migrated database that is thrown away afterwards."""
    with tempfile.TemporaryDirectory(prefix="yanpan-bench-") as directory:
        Path(directory).chmod(0o711)
        with EmbeddedPostgres(Path(directory) / "postgres") as server:
            engine = open_engine(server.url())
            schema.upgrade(engine)
            yield open_sessions(engine)
            engine.dispose()


def search_on(sessions: Sessions, encoder: Encoder) -> PostgresSearch:
    """A search engine on a database, for the sample city."""
    tree = sample_regions()
    return PostgresSearch(sessions, lambda: tree, lambda: encoder)
