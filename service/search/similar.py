"""Complaints similar to one, why, and the answers that they got."""

from uuid import UUID

from sqlalchemy import select

from data_contracts.region import RegionTree
from data_contracts.search import SimilarHit
from nlp.encoder import Encoder
from nlp.indexing import index_fields
from nlp.places import names, shared
from service.search.hits import hit_of
from service.search.nearby import shared_words
from service.search.protocol import SearchEngine
from service.store import answers
from service.store.complaints import find
from service.store.engine import Sessions
from service.store.ids_in import one_of
from service.store.tables.search import SearchDocumentRow as Document


def similar_to(
    sessions: Sessions, search: SearchEngine, encoder: Encoder, tree: RegionTree, complaint_id: UUID, scope: str, k: int
) -> list[SimilarHit]:
    """The k complaints of a subtree that are nearest to one of them, itself left out.

    Raises:
        NotFound, Erased: there is no such complaint within the scope.
    """
    with sessions() as session:
        row = find(session, complaint_id, scope)
    fields = index_fields(encoder, [(row.title, row.text)])[0]
    near = search.candidates(fields, scope, k, exclude=[complaint_id])
    order = [candidate.complaint_id for candidate in near]
    with sessions() as session:
        documents = {
            found.complaint_id: found
            for found in session.scalars(select(Document).where(one_of(Document.complaint_id, [*order, complaint_id])))
        }
        words = shared_words(session, fields, order)
        replies = answers.listed(session, order)
    own = documents.get(complaint_id)
    whole = f"{row.title}\n{row.text}" if row.title else row.text
    hits = []
    for candidate in near:
        found = documents.get(candidate.complaint_id)
        if found is None:
            continue
        common = words.get(found.complaint_id, [])
        theirs = f"{found.title}\n{found.text}" if found.title else found.text
        hit = hit_of(found, candidate.score, common, tree)
        hits.append(
            SimilarHit(
                **hit.model_dump(),
                shared_words=common,
                same_place=bool(
                    shared(names(whole), names(theirs)) or (own and own.place and own.place == found.place)
                ),
                same_party=bool(own and own.party and own.party == found.party),
                answers=replies[found.complaint_id],
            )
        )
    return hits
