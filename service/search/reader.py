"""Reading from the PostgreSQL index: statistics, candidates by words and by vector, their scores, counts.

What is asked costs about the same on a large index as on a small one: the words that decide are the rarest, what is
scored is bounded, and the vector index stops as soon as enough rows pass the filters.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from pgvector import HalfVector
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import ARRAY, ColumnElement, Float, Text, any_, bindparam, cast, func, literal, select, text, tuple_
from sqlalchemy.orm import Session

from nlp.encoder import Vectors
from service.search import bm25
from service.search.filters import LABELS, any_id, matches
from service.search.query import MATCH_SHARE, ParsedQuery, Statistics, match_expression
from service.store.tables.search import SearchDocumentRow as Document
from service.store.tables.search import SearchTermRow as Term
from service.store.tables.search import SearchTotalRow as Total

CANDIDATES_MAX = 4_000
"""So many documents are scored at most; beyond that the match is asked to be closer."""
EXACT_BELOW = 2_000
"""Where fewer documents pass the filters, every vector is compared."""
BIGRAM_SCORED = 1_000
"""Only so many of the best by words are scored by bigrams as well."""
_SHARES = (MATCH_SHARE, 0.8, 1.0)

Conditions = Sequence[ColumnElement[bool]]
Counts = dict[str, dict[str, int]]


def statistics(session: Session, lexemes: Iterable[str]) -> Statistics:
    """Document count, mean lengths, and the document frequencies of some lexemes."""
    wanted = list(dict.fromkeys(lexemes))
    total = session.execute(select(Total.documents, Total.token_length, Total.bigram_length)).one_or_none()
    documents, tokens, pairs = total or (0, 0, 0)
    known = select(Term.term, Term.documents).where(Term.term == any_(bindparam("wanted", wanted, ARRAY(Text))))
    return Statistics(
        documents=documents,
        token_length=tokens / max(documents, 1),
        bigram_length=pairs / max(documents, 1),
        frequencies={row.term: row.documents for row in session.execute(known)},
    )


def lexical_ids(session: Session, where: Conditions, parsed: ParsedQuery, known: Statistics) -> list[UUID]:
    """Documents that match, at most `CANDIDATES_MAX`; of a broad query those that match most closely."""
    found: list[UUID] = []
    for share in _SHARES:
        expression = match_expression(parsed, known, share)
        if expression is None:
            break
        query = select(Document.complaint_id).where(*where, matches(expression)).limit(CANDIDATES_MAX + 1)
        closer = list(session.scalars(query))
        if closer or not found:
            found = closer
        if len(found) <= CANDIDATES_MAX:
            break
    return found[:CANDIDATES_MAX]


def token_scores(
    session: Session, ids: Sequence[UUID], known: Statistics, weights: Mapping[str, float]
) -> dict[UUID, float]:
    """BM25 of documents by their words; `weights` are the query's terms with their frequency in it."""
    rows = session.execute(
        select(Document.complaint_id, Document.token_weights, Document.token_length).where(any_id(ids))
    ).all()
    idf = {term: known.idf(term) * weight for term, weight in weights.items()}
    values = bm25.scores([row[1] for row in rows], [row[2] for row in rows], known.token_length, idf)
    return {row[0]: float(value) for row, value in zip(rows, values, strict=True)}


def bigram_scores(
    session: Session, ids: Sequence[UUID], known: Statistics, weights: Mapping[str, float], mark: str
) -> dict[UUID, float]:
    """BM25 of documents by character bigrams, otherwise as `token_scores`."""
    rows = session.execute(
        select(Document.complaint_id, Document.bigram_weights, Document.bigram_length).where(any_id(ids))
    ).all()
    idf = {pair: known.idf(mark + pair) * weight for pair, weight in weights.items()}
    values = bm25.scores([row[1] for row in rows], [row[2] for row in rows], known.bigram_length, idf)
    return {row[0]: float(value) for row, value in zip(rows, values, strict=True)}


def nearest(session: Session, where: Conditions, vector: Vectors, k: int) -> list[tuple[UUID, float]]:
    """The k documents with the greatest inner product, best first, equal ones in the order of their ids.

    Few documents behind the filters are compared one by one; many are found through the HNSW graph (Malkov and
    Yashunin 2018), which goes on scanning until k of them pass the filters (pgvector's iterative scan).
    """
    dimensions = int(vector.shape[-1])
    asked = cast(literal(HalfVector(vector), HALFVEC()), HALFVEC(dimensions))
    filtered = (*where, Document.embedding.is_not(None))
    few = select(literal(1)).select_from(Document).where(*filtered).limit(EXACT_BELOW + 1).subquery()
    if (session.scalar(select(func.count()).select_from(few)) or 0) <= EXACT_BELOW:
        pool = (
            select(Document.complaint_id, Document.embedding).where(*filtered).cte("pool").prefix_with("MATERIALIZED")
        )
        distance = cast(pool.c.embedding, HALFVEC(dimensions)).op("<#>", return_type=Float)(asked)
        query = select(pool.c.complaint_id, distance)
    else:
        session.execute(text("SET LOCAL hnsw.iterative_scan = relaxed_order"))
        session.execute(text(f"SET LOCAL hnsw.ef_search = {max(k, 100)}"))
        distance = cast(Document.embedding, HALFVEC(dimensions)).op("<#>", return_type=Float)(asked)
        query = select(Document.complaint_id, distance).where(*filtered)
    rows = session.execute(query.order_by(distance).limit(k))
    return sorted(((row[0], -float(row[1])) for row in rows), key=lambda item: (-item[1], item[0]))


def count(session: Session, where: Conditions, *, facets: bool) -> tuple[int, Counts]:
    """How many documents fulfil conditions, and with `facets` how many have which label, in one scan."""
    if not facets:
        return session.scalar(select(func.count()).select_from(Document).where(*where)) or 0, {}
    columns = [getattr(Document, name) for name in (*LABELS, "region_code")]
    grouped = func.grouping_sets(*(tuple_(column) for column in columns), tuple_())
    which = func.grouping(*columns)
    total = 0
    counts: Counts = {name: {} for name in (*LABELS, "region")}
    for bits, number, *cells in session.execute(select(which, func.count(), *columns).where(*where).group_by(grouped)):
        open_columns = [place for place in range(len(columns)) if not bits >> (len(columns) - 1 - place) & 1]
        if not open_columns:
            total = number
        else:
            name = (*LABELS, "region")[open_columns[0]]
            counts[name][cells[open_columns[0]]] = number
    return total, counts
