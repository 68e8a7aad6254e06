"""The import of a file: read and analysed in batches, stored batch by batch, resumed where it was cut short."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from data_contracts.analysis import Analysis
from data_contracts.complaint import Answer, Complaint
from nlp.parallel import Workers
from nlp.pipeline import Pipeline
from nlp.redact import redacted
from service.access.principal import Principal
from service.context import Service
from service.errors import Fault
from service.importing import readers
from service.importing.rows import Mapped, RowFault, describe
from service.store.ids import complaint_id
from service.store.tables.imports import ImportRow

BATCH = 200
"""Rows stored in one transaction."""
_WAIT_SECONDS = 0.1


@dataclass
class Tally:
    """What became of the rows of a file."""

    line: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    answers: int = 0
    rejected: int = 0


@dataclass
class Batch:
    """Some rows of a file: complaints with their lines and answers, and the rows that were refused."""

    last_line: int = 0
    complaints: list[Complaint] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    answers: list[Answer | None] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    analyses: list[Analysis] = field(default_factory=list)


def read_batch(pipeline: Pipeline, batch: Batch) -> Batch:
    """Analyse the complaints of a batch (in whatever process) and forget the originals' words in the results."""
    batch.analyses = [redacted(analysis) for analysis in pipeline.analyse(batch.complaints)]
    return batch


class Import:
    """Brings one file in.

    Args:
        service: the open service.
        path: the file.
        mapping: how its rows are read.
        principal: on whose behalf.
        rejects: where refused rows are told, with line and reason, never with their words.

    Attributes:
        stuck: jobs that failed again and again, after `run`; a running service goes on trying.
    """

    def __init__(self, service: Service, path: Path, mapping: Mapped, principal: Principal, rejects: Path) -> None:
        self._service = service
        self._path = path
        self._mapping = mapping
        self._principal = principal
        self._rejects = rejects
        self._key = self._identity()
        self.stuck = 0

    def run(self, processes: int, advance: Callable[[int], None]) -> Tally:
        """Store all rows and carry out their jobs; may be stopped at any point and run again.

        Args:
            processes: processes that analyse.
            advance: told the line that was reached.

        Raises:
            FileFault: the file cannot be read.
        """
        tally = self._resume()
        if tally.line:
            advance(tally.line)
        workers = Workers(processes, self._service.model_directory, self._service.settings.encoder)
        stopping = threading.Event()
        helper = threading.Thread(target=self._work_meanwhile, args=(stopping,), daemon=True)
        helper.start()
        try:
            for batch in workers.map(read_batch, self._batches(tally.line)):
                self._store(batch, tally)
                advance(batch.last_line)
        finally:
            stopping.set()
            helper.join()
        self._finish()
        return tally

    def _finish(self) -> None:
        """Carry out the jobs that are left, of which a running service may have taken some, and forget the progress."""
        jobs = self._service.jobs
        while jobs.open_jobs() > jobs.stuck_jobs():
            jobs.drain()
            time.sleep(_WAIT_SECONDS)
        self.stuck = jobs.stuck_jobs()
        with self._service.sessions.begin() as session:
            # The next import of this file reads it anew: what was refused may be welcome by then.
            session.execute(delete(ImportRow).where(ImportRow.id == self._key))

    def _work_meanwhile(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            if self._service.jobs.open_jobs():
                self._service.jobs.drain(stopping)
            stopping.wait(_WAIT_SECONDS)

    def _batches(self, after: int) -> Iterator[Batch]:
        batch = Batch()
        for line, row in readers.rows(self._path):
            if line <= after:
                continue
            self._add(batch, line, row)
            if len(batch.complaints) + len(batch.rejects) >= BATCH:
                yield batch
                batch = Batch()
        if batch.last_line:
            yield batch

    def _add(self, batch: Batch, line: int, row: dict[str, Any] | RowFault) -> None:
        batch.last_line = line
        try:
            if isinstance(row, RowFault):
                raise row
            complaint, answer = self._mapping.read(row)
        except (RowFault, ValidationError) as error:
            batch.rejects.append({"line": line, **describe(error)})
            return
        batch.complaints.append(complaint)
        batch.lines.append(line)
        batch.answers.append(answer)

    def _store(self, batch: Batch, tally: Tally) -> None:
        outcomes = self._service.intake.submit_many(batch.complaints, self._principal, batch.analyses)
        answered = []
        for outcome, complaint, answer, line in zip(
            outcomes, batch.complaints, batch.answers, batch.lines, strict=True
        ):
            if isinstance(outcome, Fault):
                batch.rejects.append({"line": line, **describe(outcome)})
                continue
            tally.created += outcome.created
            tally.unchanged += not outcome.created
            if answer is not None:
                answered.append((complaint_id(complaint.source, complaint.external_id), answer))
        tally.answers += self._service.intake.answer_many(answered, self._principal) if answered else 0
        tally.rejected += len(batch.rejects)
        tally.line = batch.last_line
        if batch.rejects:
            with self._rejects.open("ab") as file:
                file.writelines(orjson.dumps(reject) + b"\n" for reject in sorted(batch.rejects, key=_line))
        with self._service.sessions.begin() as session:
            session.execute(
                update(ImportRow).where(ImportRow.id == self._key).values(**vars(tally), updated_at=func.now())
            )

    def _resume(self) -> Tally:
        """Where an earlier run of the same file with the same options stopped."""
        with self._service.sessions.begin() as session:
            session.execute(
                insert(ImportRow)
                .values(id=self._key, file_name=self._path.name, **vars(Tally()))
                .on_conflict_do_nothing()
            )
            row = session.scalars(select(ImportRow).where(ImportRow.id == self._key)).one()
            tally = Tally(**{name: getattr(row, name) for name in vars(Tally())})
        self._keep_rejects_until(tally.line)
        return tally

    def _keep_rejects_until(self, line: int) -> None:
        """Drop rejects of a batch whose commit never came: its rows are read again."""
        if not self._rejects.exists():
            return
        kept = [raw for raw in self._rejects.read_bytes().splitlines() if raw and _line(orjson.loads(raw)) <= line]
        if kept:
            self._rejects.write_bytes(b"\n".join(kept) + b"\n")
        else:
            self._rejects.unlink()

    def _identity(self) -> str:
        """Names this content with these options, so that another file or mapping begins anew."""
        found = hashlib.sha256()
        with self._path.open("rb") as file:
            for chunk in iter(lambda: file.read(1 << 20), b""):
                found.update(chunk)
        options = [
            self._mapping.source,
            self._mapping.channel,
            self._mapping.region,
            sorted(self._mapping.columns.items()),
        ]
        found.update(orjson.dumps(options))
        return found.hexdigest()


def _line(reject: dict[str, Any]) -> int:
    return int(reject["line"])
