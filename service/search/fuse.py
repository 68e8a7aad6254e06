"""Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): rankings of different scales become one."""

from collections.abc import Mapping, Sequence
from uuid import UUID

K = 60


def fuse(rankings: Sequence[tuple[float, Sequence[UUID]]], k: int = K) -> list[tuple[UUID, float]]:
    """One ranking from several.

    Args:
        rankings: weight and ids, best first, of each ranking.
        k: how slowly a place loses its worth.

    Returns:
        ids with their fused scores, best first; equal scores in the order of the ids.
    """
    total: dict[UUID, float] = {}
    for weight, ranking in rankings:
        for place, found in enumerate(ranking, start=1):
            total[found] = total.get(found, 0.0) + weight / (k + place)
    return sorted(total.items(), key=lambda item: (-item[1], item[0]))


def ranked(scores: Mapping[UUID, float]) -> list[UUID]:
    """Ids with a score above 0, best first; equal scores in the order of the ids."""
    return [
        key for key, _ in sorted(((k, s) for k, s in scores.items() if s > 0), key=lambda item: (-item[1], item[0]))
    ]
