"""Filters of a query as SQL conditions; the caller's region subtree is always the first of them."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, cast, func, literal, not_
from sqlalchemy.dialects.postgresql import TSQUERY

from data_contracts.region import RegionTree
from data_contracts.search import SearchQuery
from data_contracts.times import zoned
from service.access.scope import narrower, within
from service.errors import RegionUnknown
from service.search.query import ParsedQuery, phrase_expression
from service.store.ids_in import one_of
from service.store.tables.search import SearchDocumentRow as Document

LABELS = ("domain", "kind", "dispute_type", "stage", "risk_level", "channel")


def subtree(query: SearchQuery, scope: str, regions: RegionTree) -> str | None:
    """The region path that a query may see: the requested region, cut to the scope; None where they are apart.

    Raises:
        RegionUnknown: the tree does not have the requested region, or several of its name.
    """
    if query.region is None or not query.region.strip():
        return scope
    try:
        return narrower(scope, regions.resolve(query.region).path)
    except ValueError as error:
        zh, _, en = str(error).partition(" / ")
        raise RegionUnknown(zh, en or zh) from error


def conditions(query: SearchQuery, parsed: ParsedQuery, path: str) -> list[ColumnElement[bool]]:
    """All that must hold of a document besides the lexical match.

    The region path of `subtree` comes first and cannot be left out.
    """
    found = [within(Document.region_path, path)]
    for name in LABELS:
        if wanted := getattr(query, name):
            found.append(getattr(Document, name).in_(list(dict.fromkeys(wanted))))
    if query.case_id is not None:
        found.append(Document.case_id == query.case_id)
    if query.since is not None:
        found.append(Document.received_at >= zoned(query.since))
    if query.until is not None:
        found.append(Document.received_at < zoned(query.until))
    for phrase in parsed.phrases:
        if expression := phrase_expression(phrase):
            found.append(matches(expression))
        found.append(func.strpos(Document.folded, phrase) > 0)
    found += [not_(func.strpos(Document.folded, word) > 0) for word in parsed.excluded]
    return found


def matches(expression: str) -> ColumnElement[bool]:
    """The condition that a document's terms fulfil a tsquery."""
    return Document.terms.bool_op("@@")(cast(literal(expression), TSQUERY))


def any_id(ids: Sequence[object]) -> ColumnElement[bool]:
    """The condition that a document is one of some."""
    return one_of(Document.complaint_id, ids)
