"""Filters of searches and lists, checked before an engine sees them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.datastructures import QueryParams

from data_contracts.problem import FieldProblem
from data_contracts.search import SearchQuery
from data_contracts.taxonomy import HEADS, TaxonomyName, taxonomy
from data_contracts.times import zoned
from service.errors import Invalid


def checked(query: SearchQuery) -> SearchQuery:
    """The query with labels in Chinese and times with a zone.

    Raises:
        Invalid: a label is not in its taxonomy, or the time range ends before it begins.
    """
    since, until = period(query.since, query.until)
    found: dict[str, list[str]] = {head: labels(head, getattr(query, head)) for head in HEADS}
    return query.model_copy(update={**found, "since": since, "until": until})


def written_out(given: QueryParams, *names: str) -> None:
    """Refuse times that are bare numbers: seconds and milliseconds of an epoch cannot be told apart.

    Raises:
        Invalid: names the parameter.
    """
    for name in names:
        if any(_number(value) for value in given.getlist(name)):
            raise _wrong(name, "datetime-parsing", "应为时间，如 2026-04-15T09:12:00+08:00", "give an ISO 8601 time")


def period(since: datetime | None, until: datetime | None) -> tuple[datetime | None, datetime | None]:
    """A time range with zones, in UTC.

    Raises:
        Invalid: it ends before it begins, or lies beyond the calendar.
    """
    begin, end = _instant("since", since), _instant("until", until)
    if begin and end and end <= begin:
        raise _wrong("until", "empty-range", "until 应晚于 since", "until must lie after since")
    return begin, end


def _number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _instant(name: str, value: datetime | None) -> datetime | None:
    if value is None:
        return None
    try:
        return zoned(value).astimezone(UTC)
    except OverflowError:
        raise _wrong(name, "time-out-of-range", "时间超出可表示的范围", "the time is out of range") from None


def _wrong(name: str, code: str, zh: str, en: str) -> Invalid:
    return Invalid(zh, en, errors=[FieldProblem(pointer=f"query/{name}", code=code, zh=zh, en=en)])


def labels(name: TaxonomyName, values: Sequence[str]) -> list[str]:
    """Labels of a taxonomy, given as labels or codes.

    Raises:
        Invalid: one is neither; names those that there are.
    """
    entries = taxonomy(name)
    found = []
    for value in values:
        entry = entries.find(value)
        if entry is None:
            zh = f"{name} 没有“{value[:32]}”，可用：{'、'.join(entries.labels)}"
            en = f"unknown {name} {value[:32]!r}; see /v1/taxonomies"
            raise _wrong(name, "label-unknown", zh, en)
        found.append(entry.label)
    return found
