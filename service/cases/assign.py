"""The decision where a complaint belongs: one core, whatever holds the cases.

Average link (Sokal and Michener 1958) over a bounded sample of each near case, so that one chance resemblance neither
joins nor bridges, and a decision costs the same however large the store is. Whenever a case has grown it is compared
with its neighbours again: that makes the outcome depend little on the order of arrival.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from data_contracts.case import JoinReason
from nlp.pairs import REPOST_JACCARD, PairEvidence, PairItem, Scorer, fitted_threshold

CANDIDATES = 40
"""Near complaints that are looked at."""
SAMPLE = 12
"""Members of a case that a complaint is compared with."""
CASES_MAX = 6
"""Near cases that are looked at."""
MOVES_MAX = 8
MOVE_MARGIN = 0.05
"""A complaint changes its case only for one that it fits better by so much, so that none goes to and fro."""
MERGES_MAX = 3
"""So often one complaint may bring two cases together."""


class CaseStore(Protocol):
    """What holds complaints and cases: PostgreSQL online, memory for a file."""

    def near(self, item: PairItem, k: int) -> Sequence[Hashable]:
        """Keys of the nearest complaints, best first, without the item itself."""
        ...

    def cases_of(self, keys: Sequence[Hashable]) -> dict[Hashable, Hashable]:
        """The case of each complaint that has one."""
        ...

    def members(self, case: Hashable, limit: int) -> Sequence[Hashable]:
        """Some members of a case, always the same ones: its first and its latest."""
        ...

    def items(self, keys: Sequence[Hashable]) -> list[PairItem]:
        """The scorer's view of complaints."""
        ...

    def scorer(self, items: Sequence[PairItem]) -> Scorer:
        """The one pair scorer, which from now on knows how rare the terms of these complaints are."""
        ...

    def open(self, item: PairItem, reason: JoinReason) -> Hashable:
        """Make a case of one complaint; returns its key."""
        ...

    def join(self, item: PairItem, case: Hashable, reason: JoinReason, *, repost: bool) -> None:
        """Put a complaint into a case."""
        ...

    def leave(self, item: PairItem) -> None:
        """Take a complaint out of its case."""
        ...

    def merge(self, into: Hashable, other: Hashable) -> Hashable:
        """Make one case of two; returns the key that survives, the older one's."""
        ...


@dataclass(frozen=True, slots=True)
class _Case:
    """A near case with the members that stand for it, and how well the complaint fits them."""

    key: Hashable
    sample: Sequence[PairItem]
    fit: float


def assign(store: CaseStore, item: PairItem) -> Hashable:
    """Find the case of a complaint, or open one; joins cases that the complaint shows to be one.

    Returns:
        The key of its case.
    """
    near = store.near(item, CANDIDATES)
    cases = store.cases_of(near)
    candidates = store.items([key for key in near if key in cases])
    scorer = store.scorer([item, *candidates])
    found = _near_cases(store, scorer, item, [(other, cases[other.key]) for other in candidates])
    if not found or found[0].fit < fitted_threshold():
        return store.open(item, JoinReason(score=1.0, explanation="首件：没有找到说同一件事的诉求"))
    first = found[0]
    evidence, matched = max(
        ((scorer.compare(item, member), member) for member in first.sample),
        key=lambda pair: (pair[0].probability, str(pair[1].key)),
    )
    repost = evidence.features["same_text"] >= REPOST_JACCARD
    store.join(item, first.key, reason_of(evidence, matched.key, repost=repost), repost=repost)
    grown = _merged(store, scorer, _Case(first.key, [*first.sample, item], 1.0), found[1:])
    _drawn(store, scorer, item, grown, candidates)
    return grown.key


def _near_cases(
    store: CaseStore, scorer: Scorer, item: PairItem, candidates: Sequence[tuple[PairItem, Hashable]]
) -> list[_Case]:
    """The cases of the most probable candidates, best fitting first, equal ones in the order of their keys."""
    best: dict[Hashable, float] = {}
    for other, case in candidates:
        best[case] = max(best.get(case, 0.0), scorer.probability(item, other))
    # A mean reaches the threshold only where one pair does.
    likely = sorted(
        (case for case in best if best[case] >= fitted_threshold()), key=lambda case: (-best[case], str(case))
    )
    found = []
    for case in likely[:CASES_MAX]:
        sample = [member for member in store.items(store.members(case, SAMPLE)) if member.key != item.key]
        if sample:
            scorer = store.scorer(sample)
            found.append(_Case(case, sample, _mean(scorer.probability(item, member) for member in sample)))
    return sorted(found, key=lambda case: (-case.fit, str(case.key)))


def _merged(store: CaseStore, scorer: Scorer, grown: _Case, others: Sequence[_Case]) -> _Case:
    """Merge a grown case with those that are one with it by now, the closest first; returns what it has become."""
    left = list(others)
    for _ in range(MERGES_MAX):
        linked = [
            (_mean(scorer.probability(a, b) for a in grown.sample for b in other.sample), other) for other in left
        ]
        linked = [pair for pair in linked if pair[0] >= fitted_threshold()]
        if not linked:
            break
        _, closest = max(linked, key=lambda pair: (pair[0], str(pair[1].key)))
        left.remove(closest)
        key = store.merge(grown.key, closest.key)
        grown = _Case(key, store.items(store.members(key, SAMPLE)), 1.0)
        scorer = store.scorer(grown.sample)
    return grown


def _drawn(store: CaseStore, scorer: Scorer, item: PairItem, grown: _Case, candidates: Sequence[PairItem]) -> None:
    """Move near complaints of other cases that by now fit the grown case better than their own."""
    near = [other for other in candidates if scorer.probability(item, other) >= fitted_threshold()]
    cases = store.cases_of([other.key for other in near])
    for other in near[:MOVES_MAX]:
        if cases[other.key] == grown.key:
            continue
        sample = [member for member in store.items(store.members(cases[other.key], SAMPLE)) if member is not other]
        own = _mean(scorer.probability(other, member) for member in sample)
        fit = _mean(scorer.probability(other, member) for member in grown.sample)
        if sample and fit >= fitted_threshold() and fit > own + MOVE_MARGIN:
            evidence = scorer.compare(other, item)
            repost = evidence.features["same_text"] >= REPOST_JACCARD
            store.leave(other)
            store.join(other, grown.key, reason_of(evidence, item.key, repost=repost), repost=repost)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def reason_of(evidence: PairEvidence, matched: Hashable, *, repost: bool) -> JoinReason:
    """Why a complaint was joined, for programs and in one sentence for people."""
    grounds = []
    if repost:
        grounds.append("文字基本相同")
    if evidence.shared_names:
        grounds.append(f"同提“{'”“'.join(evidence.shared_names[:3])}”")
    if not repost and evidence.shared_words:
        grounds.append(f"共有“{'、'.join(evidence.shared_words[:4])}”等词")
    grounds.append("同一天" if evidence.days_apart < 1 else f"相隔 {evidence.days_apart:.0f} 天")
    return JoinReason.model_validate(
        {
            "score": round(evidence.probability, 4),
            # Complaints of a file go by their places, which name nothing outside.
            "matched": matched if isinstance(matched, UUID) else None,
            "text_similarity": round(evidence.features["words"], 4),
            "shared_places": evidence.shared_names,
            "shared_words": evidence.shared_words,
            "days_apart": round(evidence.days_apart, 2),
            "explanation": "，".join(grounds),
        }
    )
