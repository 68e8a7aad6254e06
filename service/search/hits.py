"""Index rows as readers see them: hits with snippet and highlights, facets with labels."""

from collections.abc import Sequence
from typing import get_args

from data_contracts.region import RegionTree
from data_contracts.search import FacetCount, FacetName, SearchHit
from service.search.highlight import highlights, snippet
from service.search.reader import Counts
from service.store.tables.search import SearchDocumentRow as Document

FACET_VALUES_MAX = 50
_FACETS: tuple[FacetName, ...] = get_args(FacetName)


def hit_of(row: Document, score: float, words: Sequence[str], tree: RegionTree) -> SearchHit:
    """An indexed complaint as a hit; `words` are the folded strings to highlight."""
    marks = highlights(row.title, row.text, words)
    return SearchHit.model_validate(
        {
            **{name: getattr(row, name) for name in _AS_IT_IS},
            "score": round(score, 6),
            "snippet": snippet(row.text, marks),
            "highlights": marks,
            "region": row.region_code,
            "region_name": region_label(tree, row.region_code),
        }
    )


_AS_IT_IS = (
    "complaint_id", "external_id", "title", "channel", "received_at", "domain", "kind", "dispute_type", "stage",
    "risk_level", "risk_score", "case_id",
)  # fmt: skip


def facets_of(counts: Counts, tree: RegionTree) -> dict[FacetName, list[FacetCount]]:
    """Counts as facets, most frequent first; regions by a name that the region filter understands."""
    told: dict[FacetName, list[FacetCount]] = {}
    for name in _FACETS:
        ordered = sorted(counts.get(name, {}).items(), key=lambda item: (-item[1], item[0]))[:FACET_VALUES_MAX]
        told[name] = [
            FacetCount(value=_region_value(tree, value) if name == "region" else value, count=number)
            for value, number in ordered
        ]
    return told


def region_label(tree: RegionTree, code: str) -> str:
    """The name of a region; its code where the tree has lost it."""
    region = tree.get(code)
    return region.name if region else code


def _region_value(tree: RegionTree, code: str) -> str:
    name = region_label(tree, code)
    return name if len(tree.named(name)) == 1 else code
