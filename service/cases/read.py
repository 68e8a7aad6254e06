"""Reading cases: each reader sees the members in their subtree, and the case as these make it."""

import base64
import binascii
import json
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from data_contracts.analysis import Analysis
from data_contracts.case import Case, CaseMember, JoinReason
from data_contracts.region import RegionTree
from data_contracts.taxonomy import taxonomy
from service.access.scope import within
from service.errors import CursorInvalid, NotFound
from service.search.hits import region_label
from service.store.tables.cases import CaseMemberRow, CaseRow
from service.store.tables.complaints import ComplaintRow

CaseSort = Literal["size", "risk", "last_at"]
SUMMARY_CHARS = 120
SIZE_STEP, SIZE_MAX = 4.0, 16.0
"""A case's risk grows by so much with each doubling of its reporters, up to the maximum."""
REPEAT_STEP = 5.0
"""Added when a member has come again after an answer failed."""
_LEVELS = taxonomy("risk_level").labels
_BAND = 100.0 / len(_LEVELS)
_RECURRING = taxonomy("stage").label("recurring")
_STAGES = taxonomy("stage").labels


class CasePage(BaseModel):
    """A page of cases without their members. `cursor` fetches the next page, null on the last."""

    cases: list[Case]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases are wanted."""

    min_size: int = 2
    domain: Sequence[str] = ()
    dispute_type: Sequence[str] = ()
    risk_level: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None


def listed(
    session: Session,
    scope: str,
    tree: RegionTree,
    wanted: CaseFilter,
    *,
    sort: CaseSort = "size",
    limit: int = 20,
    cursor: str | None = None,
) -> CasePage:
    """Cases with at least one member in a subtree, greatest first, by keyset.

    Raises:
        CursorInvalid: the cursor is not one of this list.
    """
    size = func.count().label("size")
    risk = func.max(ComplaintRow.risk_score).label("risk")
    last = func.max(func.extract("epoch", ComplaintRow.received_at)).label("last_at")
    columns: dict[CaseSort, ColumnElement[Any]] = {"size": size, "risk": risk, "last_at": last}
    value = columns[sort]
    having: list[ColumnElement[bool]] = [size >= wanted.min_size]
    if cursor is not None:
        after, key = _decoded(cursor, sort)
        having.append(or_(value < after, and_(value == after, CaseMemberRow.case_id > key)))
    rows = session.execute(
        select(CaseMemberRow.case_id, value)
        .join(ComplaintRow, ComplaintRow.id == CaseMemberRow.complaint_id)
        .where(within(ComplaintRow.region_path, scope), *_conditions(wanted))
        .group_by(CaseMemberRow.case_id)
        .having(and_(*having))
        .order_by(value.desc(), CaseMemberRow.case_id)
        .limit(limit + 1)
    ).all()
    shown = rows[:limit]
    following = _encoded(sort, float(shown[-1][1]), shown[-1][0]) if len(rows) > limit else None
    cases = [_case(session, key, scope, tree, members=0) for key, _ in shown]
    return CasePage(cases=cases, cursor=following)


def get(session: Session, case_id: UUID, scope: str, tree: RegionTree, *, members: int = 100) -> Case:
    """One case with its members in a subtree, oldest first; the id of a merged case leads to the one it went into.

    Raises:
        NotFound: no such case, or no member of it lies in the subtree.
    """
    row = session.get(CaseRow, case_id)
    return _case(session, row.merged_into or row.id if row else case_id, scope, tree, members=members)


def _conditions(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for name in ("domain", "dispute_type", "risk_level"):
        if values := getattr(wanted, name):
            found.append(getattr(ComplaintRow, name).in_(list(values)))
    if wanted.since is not None:
        found.append(ComplaintRow.received_at >= wanted.since)
    if wanted.until is not None:
        found.append(ComplaintRow.received_at < wanted.until)
    return found


def _case(session: Session, case_id: UUID, scope: str, tree: RegionTree, *, members: int) -> Case:
    found = session.execute(
        select(ComplaintRow, CaseMemberRow)
        .join(CaseMemberRow, CaseMemberRow.complaint_id == ComplaintRow.id)
        .where(CaseMemberRow.case_id == case_id, within(ComplaintRow.region_path, scope))
        .order_by(ComplaintRow.received_at, ComplaintRow.id)
    ).all()
    if not found:
        raise NotFound("没有这个事件，或不在密钥的辖区内", "no such case within the key's region")
    rows = [complaint for complaint, _ in found]
    voices = [complaint for complaint, member in found if not member.repost]
    reporters = len({row.reporter for row in voices if row.reporter}) + sum(row.reporter is None for row in voices)
    score = risk_score([row.risk_score for row in rows], max(reporters, 1), [row.stage for row in rows])
    region = _spanning([row.region_path for row in rows])
    seen = {row.id for row in rows}
    return Case(
        case_id=case_id,
        title=_title(rows),
        place=_place(rows),
        region=region,
        region_name=region_label(tree, region),
        first_at=rows[0].received_at,
        last_at=rows[-1].received_at,
        size=len(rows),
        reporters=max(reporters, 1),
        risk_score=round(score, 1),
        risk_level=_LEVELS[min(int(score / _BAND), len(_LEVELS) - 1)],
        stage=max((row.stage for row in rows), key=_STAGES.index),
        domain=_commonest([row.domain for row in rows]),
        dispute_type=_commonest([row.dispute_type for row in rows]),
        members=[
            CaseMember(
                complaint_id=row.id,
                received_at=row.received_at,
                title=row.title,
                summary=row.text[:SUMMARY_CHARS],
                repost=member.repost,
                reason=_visible(JoinReason.model_validate(member.reason), seen),
            )
            for row, member in found[:members]
        ],
    )


def _visible(reason: JoinReason, seen: Set[UUID]) -> JoinReason:
    """A reason that names no complaint outside what the reader sees of the case."""
    return reason if reason.matched in seen else reason.model_copy(update={"matched": None})


def risk_score(scores: Sequence[float], reporters: int, stages: Sequence[str]) -> float:
    """The risk of a case, 0 to 100: its most dangerous member, raised by its voices and by those that came again."""
    grown = min(SIZE_MAX, SIZE_STEP * (reporters.bit_length() - 1))
    again = REPEAT_STEP if _RECURRING in stages and len(stages) > 1 else 0.0
    return min(100.0, max(scores) + grown + again)


def _title(rows: Sequence[ComplaintRow]) -> str:
    """The title of the longest-titled member; without titles the start of the clearest text."""
    titles = [row.title for row in rows if row.title]
    if titles:
        return max(titles, key=lambda title: (len(title) <= 40, len(title), title))
    place = _place(rows)
    matter = _commonest([row.dispute_type for row in rows])
    return f"{place}：{matter}" if place else rows[0].text[:30]


def _place(rows: Sequence[ComplaintRow]) -> str | None:
    places = [found.span.text for row in rows if (found := Analysis.model_validate(row.analysis).first("place"))]
    return _commonest(places) if places else None


def _commonest(values: Sequence[str]) -> str:
    return max(dict.fromkeys(values), key=values.count)


def _spanning(paths: Sequence[str]) -> str:
    """Code of the smallest region that holds all members."""
    parts = [path.strip("/").split("/") for path in paths]
    common = parts[0]
    for other in parts[1:]:
        common = [a for a, b in zip(common, other, strict=False) if a == b][: len(common)]
    return common[-1]


def _encoded(sort: CaseSort, value: float, key: UUID) -> str:
    return base64.urlsafe_b64encode(json.dumps([sort, value, str(key)]).encode()).decode().rstrip("=")


def _decoded(cursor: str, sort: CaseSort) -> tuple[float, UUID]:
    try:
        told, value, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if told != sort:
            raise ValueError(told)
        return float(value), UUID(key)
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise CursorInvalid("翻页游标无效，须原样传回且条件不变", "invalid cursor; pass it back unchanged") from error
