"""What happens to a complaint that arrives: checked, analysed, and kept with its job in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import orjson
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from data_contracts.analysis import Analysis
from data_contracts.complaint import Answer, Complaint, Turn
from data_contracts.problem import FieldProblem
from data_contracts.record import ComplaintRecord
from data_contracts.region import Region, RegionTree
from nlp.pipeline import Pipeline
from nlp.redact import redacted
from service.access import audit, scope
from service.access.principal import Principal
from service.errors import Erased, Fault, IdTaken, Invalid, VersionConflict, Withdrawn
from service.feed.publish import NewEvent, publish, scrub
from service.home import Keys
from service.http.regions import resolve
from service.jobs.queue import Jobs
from service.store import answers, idempotency
from service.store.complaints import find, newest_original, record_of, sealed_version, state
from service.store.crypto import keyed_digest
from service.store.engine import Sessions
from service.store.ids import complaint_id
from service.store.ids_in import one_of
from service.store.sealing import held_ring
from service.store.tables.complaints import ComplaintRow, ComplaintVersionRow, TombstoneRow


@dataclass(frozen=True, slots=True)
class Accepted:
    """A complaint that is in the store. `created`: it was not there before; `changed`: this call changed it."""

    record: ComplaintRecord
    created: bool
    changed: bool


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A complaint on its way in: where it belongs and what tells it from a changed one."""

    complaint: Complaint
    key: UUID
    region: Region
    digest: bytes


class Intake:
    """Takes complaints and answers in; every method is one transaction and raises a `Fault` when it refuses.

    Args:
        sessions: the store.
        regions: the region tree, asked for at each call since a city may load another.
        pipeline: the reader of texts, loaded when it is first needed.
        keys: for sealing and digests.
        jobs: where the work after the commit is deferred.
        erased: told of erased complaints after the commit, so that index and vectors forget at once.
    """

    def __init__(
        self,
        sessions: Sessions,
        regions: Callable[[], RegionTree],
        pipeline: Callable[[], Pipeline],
        keys: Keys,
        jobs: Jobs,
        *,
        erased: Callable[[Sequence[UUID]], None],
    ) -> None:
        self._sessions = sessions
        self._regions = regions
        self._pipeline = pipeline
        self._keys = keys
        self._jobs = jobs
        self._erased = erased

    def submit(self, complaint: Complaint, principal: Principal) -> Accepted:
        """Take one complaint in; the same one again answers with what is stored.

        Raises:
            RegionUnknown, RegionForbidden: its region.
            VersionConflict: the id was used with another body; names the versions.
            IdTaken: the id belongs to a complaint of another region.
            Erased: the complaint was erased before.
        """
        outcome = self.submit_many([complaint], principal)[0]
        if isinstance(outcome, Fault):
            raise outcome
        return outcome

    def submit_many(
        self, complaints: Sequence[Complaint], principal: Principal, analyses: Sequence[Analysis] | None = None
    ) -> list[Accepted | Fault]:
        """Take a batch in with one transaction and one job; a fault refuses its complaint only.

        Args:
            complaints: n complaints.
            principal: whose key it is.
            analyses: theirs, redacted, where another process has read them already.

        Returns:
            n outcomes in the same order.
        """
        outcomes: list[Accepted | Fault | None] = [None] * len(complaints)
        arrivals: dict[int, _Arrival] = {}
        for place, complaint in enumerate(complaints):
            try:
                arrivals[place] = self._arrival(complaint, principal)
            except Fault as fault:
                outcomes[place] = fault
        with self._sessions() as session:
            known = self._known(session, [arrival.key for arrival in arrivals.values()])
        first: dict[UUID, int] = {}
        for place, arrival in arrivals.items():
            if arrival.key not in known:
                first.setdefault(arrival.key, place)
        fresh = [arrivals[place] for place in first.values()]
        read = [analyses[place] for place in first.values()] if analyses else self._read([a.complaint for a in fresh])
        with self._sessions.begin() as session:
            created = self._insert(session, fresh, read, principal)
            stored = self._known(session, [arrival.key for arrival in arrivals.values()])
            for place, arrival in arrivals.items():
                new = arrival.key in created and first.get(arrival.key) == place
                outcomes[place] = self._outcome(stored.get(arrival.key), arrival, principal, new=new)
        return [outcome for outcome in outcomes if outcome is not None]

    def replace(self, key: UUID, complaint: Complaint, principal: Principal) -> Accepted:
        """Put a new version in the place of a complaint; the same body changes nothing.

        Raises:
            NotFound, Erased, Withdrawn: the complaint cannot be changed.
            Invalid: source or external id are given and belong to another complaint.
        """
        with self._sessions() as session:
            held = find(session, key, principal.scope)
            named = {name: getattr(held, name) for name in ("source", "external_id")}
        given = {name: getattr(complaint, name) for name in named if name in complaint.model_fields_set}
        if any(given[name] != named[name] for name in given):
            raise Invalid(
                "source 与 external_id 须与原诉求一致，或不填",
                "source and external_id must be those of the complaint, or left out",
                errors=[_differs(name) for name in given if given[name] != named[name]],
            )
        merged = Complaint.model_validate({**complaint.model_dump(exclude_unset=True), **named})
        accepted = self._new_version(key, merged, principal)
        assert accepted is not None
        return accepted

    def append_turns(self, key: UUID, turns: Sequence[Turn], principal: Principal) -> Accepted:
        """Add the turns of a continued call; makes a new version.

        Raises:
            NotFound, Erased, Withdrawn: the complaint cannot be changed.
            Invalid: the complaint was not sent as turns, or would exceed the limits.
        """
        while True:
            with self._sessions() as session:
                row = find(session, key, principal.scope)
                original = newest_original(session, self._keys.ring, row)
            if original.turns is None:
                raise Invalid(
                    "这件诉求不是以通话轮次提交的，请用 PUT 提交全文",
                    "the complaint was not sent as turns; send the whole text with PUT",
                )
            fields = original.model_dump(exclude_unset=True)
            fields["turns"] = [turn.model_dump(exclude_unset=True) for turn in [*original.turns, *turns]]
            accepted = self._new_version(key, Complaint.model_validate(fields), principal, after=row.version)
            if accepted is not None:
                return accepted

    def withdraw(self, key: UUID, principal: Principal) -> ComplaintRecord:
        """Withdraw a complaint: it leaves search and cases; withdrawing twice changes nothing."""
        with self._sessions.begin() as session:
            row = find(session, key, principal.scope, lock=True)
            if row.status != "withdrawn":
                row.status, row.updated_at, row.case_id = "withdrawn", datetime.now(UTC), None
                audit.record(session, principal, "complaint.withdraw", complaint_id=key)
                self._jobs.defer(session, [key])
            return record_of(row, self._regions())

    def erase(self, key: UUID, principal: Principal) -> None:
        """Erase a complaint from store, index, vectors, cases and feed; a tombstone with its id stays."""
        with self._sessions.begin() as session:
            row = find(session, key, principal.scope, lock=True)
            region_path = row.region_path
            session.add(TombstoneRow(complaint_id=key, erased_by=principal.key_id, region_path=region_path))
            session.execute(delete(ComplaintRow).where(ComplaintRow.id == key))
            idempotency.forget(session, key)
            scrub(session, str(key))
            event = NewEvent("cn.yanpan.complaint.erased", str(key), "1", region_path, {"complaint_id": str(key)})
            publish(session, [event])
            audit.record(session, principal, "complaint.erase", complaint_id=key)
            self._jobs.defer(session, [key])
        self._erased([key])

    def answer(self, key: UUID, answer: Answer, principal: Principal) -> bool:
        """Store what an office replied; returns False when the same answer was there already."""
        with self._sessions.begin() as session:
            row = find(session, key, principal.scope)
            if row.status == "withdrawn":
                raise _withdrawn()
            ring = held_ring(session, self._keys.ring)
            added = answers.add(session, ring, self._keys.digest, key, answer, principal.key_id)
            if added is not None:
                self._jobs.defer(session, [key])
            return added is not None

    def answer_many(self, given: Sequence[tuple[UUID, Answer]], principal: Principal) -> int:
        """Store the answers of imported complaints with one job; returns how many were new."""
        with self._sessions.begin() as session:
            ring = held_ring(session, self._keys.ring)
            fresh = [
                key
                for key, answer in given
                if answers.add(session, ring, self._keys.digest, key, answer, principal.key_id) is not None
            ]
            if fresh:
                self._jobs.defer(session, fresh)
        return len(fresh)

    def _arrival(self, complaint: Complaint, principal: Principal) -> _Arrival:
        region = resolve(self._regions(), complaint.region, "/region")
        scope.require(principal, region)
        key = complaint_id(complaint.source, complaint.external_id)
        return _Arrival(complaint, key, region, self._digest(complaint))

    def _digest(self, complaint: Complaint) -> bytes:
        # Only what the sender set: a default such as "now" would make every delivery look changed. The ids name the
        # complaint and are no part of its body: a PUT may leave them out.
        given = complaint.model_dump(mode="json", exclude_unset=True, exclude={"source", "external_id"})
        return keyed_digest(self._keys.digest, orjson.dumps(given, option=orjson.OPT_SORT_KEYS))

    def _read(self, complaints: Sequence[Complaint]) -> list[Analysis]:
        return [redacted(analysis) for analysis in self._pipeline().analyse(complaints)] if complaints else []

    def _known(self, session: Session, keys: Sequence[UUID]) -> dict[UUID, ComplaintRow | TombstoneRow]:
        known: dict[UUID, ComplaintRow | TombstoneRow] = {}
        if keys:
            for row in session.scalars(select(ComplaintRow).where(one_of(ComplaintRow.id, keys))):
                known[row.id] = row
            for stone in session.scalars(select(TombstoneRow).where(one_of(TombstoneRow.complaint_id, keys))):
                known[stone.complaint_id] = stone
        return known

    def _insert(
        self, session: Session, arrivals: Sequence[_Arrival], read: Sequence[Analysis], principal: Principal
    ) -> set[UUID]:
        """Insert what nobody else inserted meanwhile; returns the ids."""
        if not arrivals:
            return set()
        now = datetime.now(UTC)
        by_key = {arrival.key: arrival for arrival in arrivals}
        rows = [
            {
                "id": arrival.key,
                "source": arrival.complaint.source,
                "external_id": arrival.complaint.external_id,
                "version": 1,
                "status": "active",
                **state(arrival.complaint, analysis, arrival.region, arrival.digest, now),
            }
            for arrival, analysis in zip(arrivals, read, strict=True)
        ]
        # In the order of ids, so that two batches with common complaints never wait for each other.
        rows.sort(key=lambda row: row["id"])
        created = set(session.scalars(insert(ComplaintRow).on_conflict_do_nothing().returning(ComplaintRow.id), rows))
        if created:
            ring = held_ring(session, self._keys.ring)
            versions = [
                sealed_version(ring, key, 1, by_key[key].complaint, by_key[key].digest, principal.key_id)
                for key in created
            ]
            session.execute(insert(ComplaintVersionRow), versions)
            self._jobs.defer(session, [arrival.key for arrival in arrivals if arrival.key in created])
        return created

    def _outcome(
        self, row: ComplaintRow | TombstoneRow | None, arrival: _Arrival, principal: Principal, *, new: bool
    ) -> Accepted | Fault:
        if row is not None and not scope.covers(principal.scope, row.region_path):
            return IdTaken(
                "该来源系统的这个编号已属于另一辖区的诉求，请核对 source 与 external_id",
                "this source and external id belong to a complaint of another region; check both",
            )
        if isinstance(row, TombstoneRow) or row is None:
            return Erased("该诉求已清除，不能再次提交", "the complaint was erased and is not taken again")
        if row.body_digest != arrival.digest:
            return VersionConflict(
                f"该编号已有诉求（版本 {row.version}），内容不同；要更新请用 PUT /v1/complaints/{row.id}",
                f"this id was sent before with another body (version {row.version}); to change it use PUT",
                complaint_id=str(row.id),
                versions=list(range(1, row.version + 1)),
            )
        return Accepted(record_of(row, self._regions()), created=new, changed=new)

    def _new_version(
        self, key: UUID, complaint: Complaint, principal: Principal, *, after: int | None = None
    ) -> Accepted | None:
        """Store a new version; None when it was to follow version `after` and another one came first."""
        arrival = self._arrival(complaint, principal)
        with self._sessions() as session:
            held = find(session, key, principal.scope)
            if held.body_digest == arrival.digest and held.status == "active":
                return Accepted(record_of(held, self._regions()), created=False, changed=False)
        dated = complaint
        if "received_at" not in complaint.model_fields_set:
            # It came when it first came: a correction that names no time does not make it new.
            dated = complaint.model_copy(update={"received_at": held.received_at})
        analysis = self._read([dated])[0]
        with self._sessions.begin() as session:
            row = find(session, key, principal.scope, lock=True)
            if row.status == "withdrawn":
                raise _withdrawn()
            if after is not None and row.version != after:
                return None
            changed = row.body_digest != arrival.digest
            if changed:
                row.version += 1
                for name, value in state(dated, analysis, arrival.region, arrival.digest, datetime.now(UTC)).items():
                    setattr(row, name, value)
                ring = held_ring(session, self._keys.ring)
                version = sealed_version(ring, key, row.version, complaint, arrival.digest, principal.key_id)
                session.execute(insert(ComplaintVersionRow), [version])
                self._jobs.defer(session, [key])
            session.flush()
            return Accepted(record_of(row, self._regions()), created=False, changed=changed)


def _differs(name: str) -> FieldProblem:
    return FieldProblem(
        pointer=f"/{name}", code="id-differs", zh="与原诉求不一致", en="differs from the complaint's own"
    )


def _withdrawn() -> Withdrawn:
    return Withdrawn("诉求已撤回，不能再改动", "the complaint was withdrawn and takes no more changes")
