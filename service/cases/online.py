"""Cases of the running service: decided one complaint at a time under a lock, kept in PostgreSQL."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import cast
from uuid import UUID, uuid5

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from data_contracts.analysis import Analysis
from data_contracts.case import JoinReason
from data_contracts.region import RegionTree
from nlp.frequency import background
from nlp.indexing import IndexFields
from nlp.pairs import PairItem, Scorer, pair_item
from service.cases.assign import CANDIDATES, assign
from service.feed.publish import NewEvent, publish
from service.search import reader
from service.search.protocol import SearchEngine
from service.search.query import BIGRAM_MARK
from service.store.complaints import find_many
from service.store.engine import Sessions
from service.store.ids_in import one_of
from service.store.tables.cases import CaseMemberRow, CaseRow
from service.store.tables.complaints import ComplaintRow
from service.store.tables.search import SearchTotalRow

CASE_LOCK = 0x79616E70_05
"""One process decides at a time: two complaints of one event that arrive together must find each other."""
DECISIONS = 20
"""Complaints that are decided in one transaction, while others wait for half a second at most."""
LOOK_UPS = 3
"""Near complaints are looked up for so many at a time."""
REMEMBERED = 20_000
"""Complaints whose view for the scorer a process keeps."""
_GROWTH = 1.1
_CASES = UUID("0d6b5f1e-7a64-5e0c-9d55-8e0c1f6f2c11")

ReadFields = Callable[[list[tuple[str | None, str]]], list[IndexFields]]


class Cases:
    """Finds the case of each complaint.

    Args:
        sessions: the store.
        search: where near complaints come from.
        regions: the region tree.
        read_fields: makes index fields of masked titles and texts.
    """

    def __init__(
        self, sessions: Sessions, search: SearchEngine, regions: Callable[[], RegionTree], read_fields: ReadFields
    ) -> None:
        self._sessions = sessions
        self._search = search
        self._regions = regions
        self._read_fields = read_fields
        self._seen: OrderedDict[tuple[UUID, int], PairItem] = OrderedDict()
        self._scorer: Scorer | None = None
        self._counted = 0
        self._frequencies: dict[str, int] = {}
        self._known: dict[int, PairItem] = {}
        self._threads = ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="near")

    def assign(self, rows: Sequence[ComplaintRow], fields: Sequence[IndexFields]) -> None:
        """Put complaints that are indexed into cases, in the order in which they were received.

        One whose version was judged before is left where it is; the index is told its case again, since the first
        attempt may have ended between the two. A new version is judged anew.
        """
        views = [view(row, field) for row, field in zip(rows, fields, strict=True)]
        order = sorted(zip(rows, views, strict=True), key=lambda pair: (pair[0].received_at, pair[0].id))
        for row, item in order:
            self._remember(row, item)
        moved: dict[UUID, UUID | None] = {}
        for start in range(0, len(order), DECISIONS):
            with self._sessions.begin() as session:
                session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CASE_LOCK})
                chunk = order[start : start + DECISIONS]
                # What is near does not hang on what is decided: the look-ups of a chunk run side by side.
                near = self._threads.map(self._near, [item for _, item in chunk])
                for (row, item), found in zip(chunk, list(near), strict=True):
                    moved.update(self._decide(session, row, item, found))
        # The index follows at the end: should it come to nothing, the job is repeated and all are told again.
        self._search.assign(moved)

    def _decide(
        self, session: Session, row: ComplaintRow, item: PairItem, near: Sequence[UUID]
    ) -> dict[UUID, UUID | None]:
        """Where one complaint belongs; returns all whose case the index must be told."""
        member = session.get(CaseMemberRow, row.id)
        left = []
        if member is not None:
            if member.version == row.version:
                return _together(session, member.case_id)
            left.append(_leave(session, member))
            session.expunge(member)
        store = _Store(self, session, row.version, near, left)
        assign(store, item)
        store.tell()
        return store.moved

    def remove(self, ids: Sequence[UUID]) -> None:
        """Take withdrawn or erased complaints out of their cases."""
        with self._sessions.begin() as session:
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CASE_LOCK})
            members = session.scalars(select(CaseMemberRow).where(one_of(CaseMemberRow.complaint_id, ids))).all()
            _tell(session, {_leave(session, member) for member in members})
        for key in [key for key in self._seen if key[0] in set(ids)]:
            self._seen.pop(key, None)

    def views(self, session: Session, keys: Sequence[UUID]) -> list[PairItem]:
        """The scorer's view of stored complaints, from memory where it is known."""
        versions = dict(
            session.execute(
                select(ComplaintRow.id, ComplaintRow.version).where(
                    one_of(ComplaintRow.id, keys), ComplaintRow.status == "active"
                )
            ).all()
        )
        missing = [key for key, version in versions.items() if (key, version) not in self._seen]
        if missing:
            rows = list(find_many(session, missing).values())
            fields = self._read_fields([(row.title, row.text) for row in rows])
            for row, field in zip(rows, fields, strict=True):
                self._remember(row, view(row, field))
        return [self._seen[key, versions[key]] for key in keys if key in versions]

    def _near(self, item: PairItem) -> list[UUID]:
        """Near complaints in the whole city."""
        root = self._regions().root.path
        fields = IndexFields(
            title_tokens=[], text_tokens=list(item.tokens.elements()), bigrams=list(item.bigrams.elements()),
            vector=item.vector, minhash=item.minhash,
        )  # fmt: skip
        found = self._search.candidates(fields, root, CANDIDATES, exclude=[cast("UUID", item.key)])
        return [candidate.complaint_id for candidate in found]

    def scorer(self, session: Session, items: Sequence[PairItem]) -> Scorer:
        """The scorer under the rarity of terms in this store; made anew when the store has grown by a tenth."""
        documents = session.scalar(select(SearchTotalRow.documents)) or 0
        if self._scorer is None or not self._counted / _GROWTH <= documents <= self._counted * _GROWTH:
            self._counted, self._frequencies, self._known = documents, {}, {}
            frequencies = self._frequencies
            self._scorer = Scorer(background().rarity(documents, lambda term: frequencies.get(term, 0)))
        # An item is kept beside its id, so that the id stays its own.
        fresh = [item for item in items if id(item) not in self._known]
        terms = {token for item in fresh for token in item.tokens}
        terms.update(BIGRAM_MARK + pair for item in fresh for pair in item.bigrams)
        if missing := [term for term in terms if term not in self._frequencies]:
            self._frequencies.update(dict.fromkeys(missing, 0))
            self._frequencies.update(reader.statistics(session, missing).frequencies)
        if len(self._known) > REMEMBERED:
            self._known.clear()
        self._known.update((id(item), item) for item in fresh)
        return self._scorer

    def _remember(self, row: ComplaintRow, item: PairItem) -> None:
        self._seen[row.id, row.version] = item
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


def view(row: ComplaintRow, fields: IndexFields) -> PairItem:
    """A stored complaint as the scorer sees it."""
    analysis = Analysis.model_validate(row.analysis)
    place, party = analysis.first("place"), analysis.first("counterparty")
    return pair_item(
        row.id,
        title=row.title,
        text=row.text,
        fields=fields,
        received_at=row.received_at,
        region_path=row.region_path,
        domain=row.domain,
        dispute_type=row.dispute_type,
        reporter=row.reporter,
        place=place.span.text if place else None,
        party=party.span.text if party else None,
    )


def _together(session: Session, case: UUID) -> dict[UUID, UUID | None]:
    """All members of a case, each with the case."""
    found: dict[UUID, UUID | None] = {}
    for key in session.scalars(select(CaseMemberRow.complaint_id).where(CaseMemberRow.case_id == case)):
        found[key] = case
    return found


def _leave(session: Session, member: CaseMemberRow) -> UUID:
    """Take a complaint out of its case; returns the case."""
    session.execute(update(ComplaintRow).where(ComplaintRow.id == member.complaint_id).values(case_id=None))
    session.execute(delete(CaseMemberRow).where(CaseMemberRow.complaint_id == member.complaint_id))
    return member.case_id


def _tell(session: Session, cases: set[UUID]) -> None:
    """Publish that cases have changed; one that a single complaint opened is no news."""
    events = []
    for case in sorted(cases):
        row = session.get_one(CaseRow, case)
        size, path, region = session.execute(
            select(func.count(), func.min(ComplaintRow.region_path), func.min(ComplaintRow.region_code))
            .join(CaseMemberRow, CaseMemberRow.complaint_id == ComplaintRow.id)
            .where(CaseMemberRow.case_id == case)
        ).one()
        if size > 1 or (size and row.changes):
            row.changes += 1
            data = {"case_id": str(case), "size": size, "region": region, "at": datetime.now(UTC).isoformat()}
            events.append(NewEvent("cn.yanpan.case.changed", str(case), str(row.changes), path, data))
    publish(session, events)


class _Store:
    """The `CaseStore` of one decision, in its transaction."""

    def __init__(
        self, cases: Cases, session: Session, version: int, near: Sequence[UUID] = (), left: Iterable[UUID] = ()
    ) -> None:
        self._cases = cases
        self._session = session
        self._version = version
        self._near = near
        self._versions: dict[UUID, int] = {}
        self._changed = set(left)
        self.moved: dict[UUID, UUID | None] = {}

    def near(self, item: PairItem, k: int) -> Sequence[Hashable]:
        return self._near[:k]

    def cases_of(self, keys: Sequence[Hashable]) -> dict[Hashable, Hashable]:
        found = self._session.execute(
            select(CaseMemberRow.complaint_id, CaseMemberRow.case_id).where(one_of(CaseMemberRow.complaint_id, keys))
        )
        return {row.complaint_id: row.case_id for row in found}

    def members(self, case: Hashable, limit: int) -> Sequence[Hashable]:
        """The first members and the latest ones, half each."""
        ordered = (
            select(CaseMemberRow.complaint_id)
            .join(ComplaintRow, ComplaintRow.id == CaseMemberRow.complaint_id)
            .where(CaseMemberRow.case_id == case)
        )
        first = ordered.order_by(ComplaintRow.received_at, ComplaintRow.id).limit(limit // 2)
        last = ordered.order_by(ComplaintRow.received_at.desc(), ComplaintRow.id.desc()).limit(limit - limit // 2)
        return list(dict.fromkeys([*self._session.scalars(first), *self._session.scalars(last)]))

    def items(self, keys: Sequence[Hashable]) -> list[PairItem]:
        return self._cases.views(self._session, [cast("UUID", key) for key in keys])

    def scorer(self, items: Sequence[PairItem]) -> Scorer:
        return self._cases.scorer(self._session, items)

    def open(self, item: PairItem, reason: JoinReason) -> Hashable:
        case = uuid5(_CASES, str(item.key))
        held = self._session.get(CaseRow, case)
        if held is not None and (held.merged_into is not None or self.members(case, 1)):
            # The case of an earlier version, which others are in by now.
            case = uuid5(_CASES, f"{item.key}:{self._version}")
            held = None
        if held is None:
            self._session.add(CaseRow(id=case, merged_into=None, changes=0))
            self._session.flush()
        self._put(item, case, reason, repost=False)
        return case

    def join(self, item: PairItem, case: Hashable, reason: JoinReason, *, repost: bool) -> None:
        into = cast("UUID", case)
        self._put(item, into, reason, repost=repost)
        self._changed.add(into)

    def _put(self, item: PairItem, into: UUID, reason: JoinReason, *, repost: bool) -> None:
        key = cast("UUID", item.key)
        self._session.add(
            CaseMemberRow(
                complaint_id=key,
                case_id=into,
                version=self._versions.get(key, self._version),
                repost=repost,
                reason=reason.model_dump(mode="json"),
            )
        )
        self._session.execute(update(ComplaintRow).where(ComplaintRow.id == key).values(case_id=into))
        self._session.flush()
        self.moved[key] = into

    def leave(self, item: PairItem) -> None:
        member = self._session.get_one(CaseMemberRow, item.key)
        self._versions[member.complaint_id] = member.version
        self._changed.add(member.case_id)
        _leave(self._session, member)
        self._session.expunge(member)

    def merge(self, into: Hashable, other: Hashable) -> Hashable:
        first = {
            case: self._session.execute(
                select(ComplaintRow.received_at, ComplaintRow.id)
                .join(CaseMemberRow, CaseMemberRow.complaint_id == ComplaintRow.id)
                .where(CaseMemberRow.case_id == case)
                .order_by(ComplaintRow.received_at, ComplaintRow.id)
                .limit(1)
            ).one()
            for case in (into, other)
        }
        kept, gone = sorted((cast("UUID", into), cast("UUID", other)), key=lambda case: tuple(first[case]))
        moved = self._session.scalars(select(CaseMemberRow.complaint_id).where(CaseMemberRow.case_id == gone)).all()
        self._session.execute(update(CaseMemberRow).where(CaseMemberRow.case_id == gone).values(case_id=kept))
        self._session.execute(update(ComplaintRow).where(one_of(ComplaintRow.id, moved)).values(case_id=kept))
        self._session.execute(update(CaseRow).where(CaseRow.merged_into == gone).values(merged_into=kept))
        self._session.execute(update(CaseRow).where(CaseRow.id == gone).values(merged_into=kept))
        self.moved.update(dict.fromkeys(moved, kept))
        self._changed.discard(gone)
        self._changed.add(kept)
        return kept

    def tell(self) -> None:
        """Publish which cases have changed."""
        _tell(self._session, self._changed)
