"""The complaints nearest to a whole text: by its rarest words and bigrams, its MinHash bands, its vector."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import sqrt
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, func, select
from sqlalchemy.orm import Session

from nlp.indexing import IndexFields
from nlp.minhash import bands
from service.access.scope import within
from service.search import bm25, reader
from service.search.filters import any_id, matches
from service.search.fuse import fuse, ranked
from service.search.protocol import Candidate
from service.search.query import BAND_MARK, BIGRAM_MARK, Statistics, all_of, any_of, lexeme
from service.store.tables.search import SearchDocumentRow as Document

POSTINGS_MAX = 800
"""The rarest terms are asked for as long as they stand in no more documents than this, taken together."""
ASKED_MAX = 24
SCORED_TERMS = 48
"""So many of the most telling terms of the text are scored."""
BIGRAM_SCORED = 400
NEIGHBOURS = 60
BIGRAM_WEIGHT = 0.7
REPOST_OVERLAP = 0.8
"""Jaccard overlap of bigrams from which two texts are the same words."""
_LENGTHS_APART = 2.0
"""No text that is longer by this factor is looked at as a repost."""


def near_candidates(
    session: Session, fields: IndexFields, scope: str, k: int, *, exclude: Sequence[UUID] = ()
) -> list[Candidate]:
    """The k nearest complaints of a region subtree; reposts first, then best first, equal ones by their ids."""
    where: list[ColumnElement[bool]] = [within(Document.region_path, scope)]
    if exclude:
        where.append(Document.complaint_id.not_in(list(exclude)))
    tokens = bm25.weighted(fields.title_tokens, fields.text_tokens)
    pairs = Counter(fields.bigrams)
    known = reader.statistics(session, [*tokens, *(BIGRAM_MARK + pair for pair in pairs)])
    near = [] if fields.vector is None else reader.nearest(session, where, fields.vector, max(k, NEIGHBOURS))
    expression = rare_terms(tokens, pairs, known, bands(fields.minhash))
    found = session.scalars(select(Document.complaint_id).where(*where, matches(expression)).limit(2 * POSTINGS_MAX))
    pool = sorted({*found, *(key for key, _ in near)})
    by_words = reader.token_scores(session, pool, known, telling(tokens, known))
    first = sorted(pool, key=lambda key: (-by_words.get(key, 0.0), key))[:BIGRAM_SCORED]
    by_pairs = reader.bigram_scores(session, first, known, telling(pairs, known, BIGRAM_MARK), BIGRAM_MARK)
    fused = fuse([(1.0, ranked(by_words)), (BIGRAM_WEIGHT, ranked(by_pairs)), (1.0, [key for key, _ in near])])[:k]
    same = _reposts(session, [key for key, _ in fused], pairs)
    similarity = dict(near)
    made = [Candidate(key, score, similarity.get(key), key in same) for key, score in fused]
    return sorted(made, key=lambda candidate: not candidate.repost)


def rare_terms(
    tokens: Mapping[str, int], pairs: Mapping[str, int], known: Statistics, band_terms: Sequence[str]
) -> str:
    """The tsquery of a text's rarest terms, whose postings together stay below `POSTINGS_MAX`.

    Where even the rarest term is common, the two rarest are asked for together.
    """
    terms = [*tokens, *(BIGRAM_MARK + pair for pair in pairs)]
    rare = sorted((known.frequencies[term], term) for term in terms if known.frequencies.get(term))
    chosen: list[str] = []
    reach = 0
    for count, term in rare[:ASKED_MAX]:
        reach += count
        if reach > POSTINGS_MAX:
            break
        chosen.append(lexeme(term))
    parts = chosen + [lexeme(BAND_MARK + band) for band in band_terms]
    if rare and not chosen:
        parts.append(all_of([lexeme(term) for _, term in rare[:2]]))
    return any_of(parts)


def telling(terms: Mapping[str, int], known: Statistics, mark: str = "") -> dict[str, float]:
    """The terms of a text that say most of it, each with its damped frequency."""
    damped = {term: sqrt(count) for term, count in terms.items() if known.frequencies.get(mark + term)}
    best = sorted(damped, key=lambda term: (-damped[term] * known.idf(mark + term), term))
    return {term: damped[term] for term in best[:SCORED_TERMS]}


def _reposts(session: Session, ids: Sequence[UUID], pairs: Mapping[str, int]) -> set[UUID]:
    """Which of some documents hold the same words, but for a few."""
    own = bm25.hashes(pairs)
    if not len(own):
        return set()
    length = sum(pairs.values())
    alike = Document.bigram_length.between(length / _LENGTHS_APART, length * _LENGTHS_APART)
    rows = session.execute(select(Document.complaint_id, Document.bigram_weights).where(any_id(ids), alike)).all()
    found = bm25.overlaps(own, [row.bigram_weights for row in rows])
    return {row.complaint_id for row, value in zip(rows, found, strict=True) if value >= REPOST_OVERLAP}


def shared_words(session: Session, fields: IndexFields, ids: Sequence[UUID], top: int = 6) -> dict[UUID, list[str]]:
    """The most telling words that each document has in common with a text."""
    tokens = bm25.weighted(fields.title_tokens, fields.text_tokens)
    known = reader.statistics(session, tokens)
    worth = {token: known.idf(token) for token in tokens if len(token) > 1}
    rows = session.execute(
        select(Document.complaint_id, func.tsvector_to_array(Document.terms, type_=ARRAY(Text))).where(any_id(ids))
    )
    return {
        key: sorted(worth.keys() & set(terms), key=lambda token: (-worth[token], token))[:top] for key, terms in rows
    }
