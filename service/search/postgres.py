"""The search engine in PostgreSQL: GIN candidates scored by BM25, pgvector neighbours, fused by reciprocal rank."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, or_, select, tuple_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from data_contracts import limits
from data_contracts.region import RegionTree
from data_contracts.search import SearchPage, SearchQuery
from nlp.encoder import Encoder
from nlp.indexing import IndexFields
from service.search import cursor, highlight, reader, windows, writer
from service.search.filters import any_id, conditions, matches, subtree
from service.search.fuse import fuse, ranked
from service.search.hits import facets_of, hit_of
from service.search.nearby import near_candidates
from service.search.protocol import Candidate, IndexMismatch, SearchDocument
from service.search.query import BIGRAM_MARK, ParsedQuery, Statistics, any_unit_expression, match_expression, parse
from service.search.windows import Frozen
from service.store.engine import Sessions
from service.store.tables.search import SearchDocumentRow as Document
from service.store.tables.search import SearchTotalRow as Total

NEIGHBOURS = 200
"""Nearest vectors that a query asks for."""
WORD_WEIGHT, BIGRAM_WEIGHT, VECTOR_WEIGHT = 1.0, 0.5, 1.0
"""What a place in each ranking is worth; chosen on graded queries of our own."""
MEANING_FLOOR = 0.4
"""Where no text holds the words asked for, texts of at least this cosine similarity are found by meaning; queries that
mean nothing reach 0.36 on real messages, plain ones 0.4 to 0.8."""


@dataclass(frozen=True)
class _Asked:
    """A query made ready: its words, what they are worth, the filters, the tsquery of the match."""

    query: SearchQuery
    parsed: ParsedQuery
    known: Statistics
    where: list[ColumnElement[bool]]
    mark: bytes

    @property
    def match(self) -> list[ColumnElement[bool]]:
        """Filters and lexical match."""
        expression = match_expression(self.parsed, self.known) if self.parsed.positive else None
        return [*self.where, matches(expression)] if expression else self.where


class PostgresSearch:
    """Search over the tables of `service.store.tables.search`; see `SearchEngine` for what each method promises.

    Args:
        sessions: where the tables are.
        regions: the region tree, asked for at each query since a city may load another.
        encoder: the encoder whose vectors the index holds; asked for when it is first needed.
    """

    def __init__(self, sessions: Sessions, regions: Callable[[], RegionTree], encoder: Callable[[], Encoder]) -> None:
        self._sessions = sessions
        self._regions = regions
        self._encoder = encoder
        self._prepared = False

    def ready(self) -> bool:
        """Whether the database answers and the index fits the encoder."""
        try:
            self.prepare()
        except (SQLAlchemyError, IndexMismatch):
            return False
        return True

    def prepare(self) -> None:
        """Note the encoder and make its vector index, once; raises IndexMismatch where another one is noted."""
        if self._prepared:
            return
        encoder = self._encoder()
        with self._sessions.begin() as session:
            writer.lock(session)
            name, dimensions = session.execute(select(Total.encoder, Total.dimensions)).one()
            if name is None:
                writer.note_encoder(session, encoder.name, encoder.dimensions)
            elif (name, dimensions) != (encoder.name, encoder.dimensions):
                raise IndexMismatch(
                    f"索引的向量来自“{name}”（{dimensions} 维），当前模型是“{encoder.name}”（{encoder.dimensions} 维），"
                    "请运行 yanpan index rebuild",
                    f"the index holds vectors of {name!r} ({dimensions}), the encoder is {encoder.name!r} "
                    f"({encoder.dimensions}); run yanpan index rebuild",
                )
        self._prepared = True

    def index(self, documents: Sequence[SearchDocument], *, force: bool = False) -> None:
        """Put documents in, in one transaction."""
        self.prepare()
        with self._sessions.begin() as session:
            writer.write(session, documents, force=force)

    def delete(self, complaint_ids: Sequence[UUID]) -> None:
        """Take documents out for good; frozen windows only name ids, and what is out is not shown from them."""
        with self._sessions.begin() as session:
            writer.remove(session, complaint_ids)

    def assign(self, cases: dict[UUID, UUID | None]) -> None:
        """Set the case of indexed complaints."""
        with self._sessions.begin() as session:
            writer.set_cases(session, cases)

    def search(self, query: SearchQuery, scope: str) -> SearchPage:
        """Answer a query within a region subtree."""
        path = subtree(query, scope, self._regions())
        parsed = parse(query.q)
        if path is None or (parsed.empty and query.q.strip()):
            return SearchPage(hits=[], total=0)
        mark = cursor.digest(query, scope)
        given = cursor.decode(query.cursor, mark) if query.cursor else None
        with self._sessions() as session:
            lexemes = [lexeme for unit in parsed.units for lexeme in unit.lexemes]
            lexemes += [BIGRAM_MARK + pair for pair in parsed.bigrams]
            known = reader.statistics(session, lexemes)
            asked = _Asked(query, parsed, known, conditions(query, parsed, path), mark)
            if query.sort == "relevance" and parsed.positive:
                if isinstance(given, cursor.KeysetCursor):
                    raise cursor.invalid()
                return self._by_relevance(session, asked, given)
            if isinstance(given, cursor.WindowCursor):
                raise cursor.invalid()
            return self._by_value(session, asked, given)

    def candidates(
        self, fields: IndexFields, scope: str, k: int = 50, *, exclude: Sequence[UUID] = ()
    ) -> list[Candidate]:
        """The k complaints nearest to a text; best first."""
        with self._sessions() as session:
            return near_candidates(session, fields, scope, k, exclude=exclude)

    def _by_value(self, session: Session, asked: _Asked, given: cursor.KeysetCursor | None) -> SearchPage:
        """Pages by time or risk, newest or highest first, by keyset."""
        if asked.parsed.positive and match_expression(asked.parsed, asked.known) is None:
            return SearchPage(hits=[], total=0)
        by_risk = asked.query.sort == "risk"
        value = Document.risk_score if by_risk else Document.received_at
        where = asked.match
        page = list(where)
        if given is not None:
            after = given.value if by_risk else cursor.from_micros(given.value)
            page.append(tuple_(value, Document.complaint_id) < tuple_(after, given.complaint_id))
        rows = session.scalars(
            select(Document)
            .where(*page)
            .order_by(value.desc(), Document.complaint_id.desc())
            .limit(asked.query.limit + 1)
        ).all()
        total, facets = reader.count(session, where, facets=asked.query.facets)
        following = None
        if len(rows) > asked.query.limit:
            rows = rows[: asked.query.limit]
            last = rows[-1]
            told = last.risk_score if by_risk else cursor.to_micros(last.received_at)
            following = cursor.encode(cursor.KeysetCursor(told, last.complaint_id), asked.mark)
        return self._page(asked, [(row, 0.0) for row in rows], total, facets, following)

    def _by_relevance(self, session: Session, asked: _Asked, given: cursor.WindowCursor | None) -> SearchPage:
        """Pages of the fused ranking; the first page freezes it for the others."""
        limit = asked.query.limit
        if given is None:
            found, extra = self._rank(session, asked)
            total, facets = reader.count(session, self._reached(asked, extra), facets=asked.query.facets)
            window = Frozen(uuid4(), found, total, facets)
            if len(found) > limit:
                windows.freeze(session, window, asked.mark)
                session.commit()
        else:
            window = windows.thaw(session, given.window, asked.mark)
        offset = given.offset if given else 0
        page = window.hits[offset : offset + limit]
        # The region subtree is asked again: a complaint may have moved since the window was frozen.
        visible = select(Document).where(asked.where[0], any_id([key for key, _ in page]))
        rows = {row.complaint_id: row for row in session.scalars(visible)}
        following = None
        if offset + limit < len(window.hits):
            following = cursor.encode(cursor.WindowCursor(window.key, offset + limit), asked.mark)
        found_rows = [(rows[key], score) for key, score in page if key in rows]
        return self._page(asked, found_rows, window.total, window.facets, following)

    def _reached(self, asked: _Asked, extra: Sequence[UUID]) -> list[ColumnElement[bool]]:
        """The condition of all that a ranking reaches: lexical matches, and the near ones that came with them."""
        expression = match_expression(asked.parsed, asked.known)
        reached = [matches(expression)] if expression else []
        return [*asked.where, or_(*reached, any_id(extra))]

    def _rank(self, session: Session, asked: _Asked) -> tuple[list[tuple[UUID, float]], list[UUID]]:
        """The fused window, and those of it that match by meaning only."""
        parsed, known = asked.parsed, asked.known
        lexical = reader.lexical_ids(session, asked.where, parsed, known)
        held = set(lexical)
        near = self._near(session, asked, held)
        extra = [key for key, _ in near if key not in held]
        pool = [*lexical, *extra]
        by_words = reader.token_scores(session, pool, known, Counter(unit.token for unit in parsed.units))
        first = sorted(pool, key=lambda key: (by_words.get(key, 0.0) > 0, -by_words.get(key, 0.0), key))
        by_pairs = reader.bigram_scores(
            session, first[: reader.BIGRAM_SCORED], known, dict.fromkeys(parsed.bigrams, 1.0), BIGRAM_MARK
        )
        fused = fuse(
            [
                (WORD_WEIGHT, ranked(by_words)),
                (BIGRAM_WEIGHT, ranked(by_pairs)),
                (VECTOR_WEIGHT, [key for key, _ in near]),
            ]
        )
        return fused[: limits.SEARCH_WINDOW], extra

    def _near(self, session: Session, asked: _Asked, lexical: set[UUID]) -> list[tuple[UUID, float]]:
        """Nearest by meaning: those that share a word with the query or are as near as the lexical matches are."""
        self.prepare()
        vector = self._encoder().encode([asked.parsed.text], query=True)[0]
        near = reader.nearest(session, asked.where, vector, NEIGHBOURS)
        expression = any_unit_expression(asked.parsed, asked.known)
        sharing: set[UUID] = set()
        if expression is not None:
            keys = [key for key, _ in near]
            sharing = set(session.scalars(select(Document.complaint_id).where(any_id(keys), matches(expression))))
        matched = [similarity for key, similarity in near if key in lexical]
        floor = fmean(matched) if matched else MEANING_FLOOR
        return [(key, similarity) for key, similarity in near if key in sharing or similarity >= floor]

    def _page(
        self,
        asked: _Asked,
        found: Sequence[tuple[Document, float]],
        total: int,
        facets: reader.Counts,
        following: str | None,
    ) -> SearchPage:
        tree = self._regions()
        words = highlight.needles(asked.parsed)
        return SearchPage(
            hits=[hit_of(row, score, words, tree) for row, score in found],
            total=total,
            facets=facets_of(facets, tree) if asked.query.facets else {},
            cursor=following,
        )
