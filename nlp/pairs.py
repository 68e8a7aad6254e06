"""Do two complaints speak of the same event: the features of a pair, and what they weigh.

The weights are log-odds of a logistic regression fitted on pairs that were read and labelled; they lie in `pairs.json`
with what they were fitted on. A feature that can only speak for (or against) a pair has a weight of that sign.
"""

import json
import re
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from math import exp, log

import numpy as np

from nlp.frequency import Rarity
from nlp.indexing import IndexFields
from nlp.minhash import Signature, jaccard
from nlp.normalise import normalise
from nlp.places import KINDS, Kind, Name, named, same_stem
from nlp.segment import bigrams

Idf = Rarity
"""Inverse document frequency of a token or a `#`-prefixed bigram, in nats."""

REPOST_JACCARD = 0.8
"""Two texts of so much MinHash similarity are one text, posted again."""
_TITLE_WEIGHT = 2
_RARE_TOKEN, _RARE_PAIR = 4.0, 5.0
"""Nats from which a word or a bigram counts as rare."""
_DAYS_NEAR, _DAYS_FULL = 30.0, 730.0
"""Within a month time says little; from two years on two complaints are as far apart as they can be."""
_SHORT = 15
_REMEMBERED = 20_000
_DISTRICT = re.compile(r"[A-Z]\d{1,2}[市区县]|(?<=市)[\u4e00-\u9fff]{2,3}[区县]")

FOR = (
    "words", "bigrams", "meaning", "title", "rare_words", "rare_pairs", "same_name", "same_main_name", "same_line",
    "same_party", "same_text", "same_matter", "same_reporter",
)  # fmt: skip
AGAINST = (
    "other_estate", "other_road", "other_village", "other_organisation", "other_line", "other_district", "other_region",
    "apart", "short",
)  # fmt: skip
FEATURES = (*FOR, *AGAINST)


@dataclass(frozen=True, slots=True)
class PairItem:
    """A complaint as the pair scorer sees it; masked text only.

    Attributes:
        key: tells complaints of one store apart.
        tokens, bigrams, title_pairs: counts of terms.
        vector: a unit row.
        names: specific names, the title's own first.
        main: stems by kind that say what it is about: the title's, or where it has none of a kind, the text's.
        districts: counties that the title names, or else the text.
    """

    key: Hashable
    received_at: datetime
    region_path: str
    domain: str
    dispute_type: str
    reporter: str | None
    tokens: Counter[str]
    bigrams: Counter[str]
    title_pairs: Counter[str]
    vector: np.ndarray[tuple[int], np.dtype[np.float32]]
    minhash: Signature
    names: tuple[Name, ...]
    main: Mapping[Kind, frozenset[str]]
    districts: frozenset[str]
    party: str | None


def pair_item(
    key: Hashable,
    *,
    title: str | None,
    text: str,
    fields: IndexFields,
    received_at: datetime,
    region_path: str,
    domain: str,
    dispute_type: str,
    reporter: str | None,
    place: str | None,
    party: str | None,
) -> PairItem:
    """Make the scorer's view of a masked complaint."""
    whole = f"{title}\n{text}" if title else text
    head = " ".join(part for part in (title, place) if part)
    in_head, in_whole = named(head), named(whole)
    tokens = Counter(fields.text_tokens)
    for token in fields.title_tokens:
        tokens[token] += _TITLE_WEIGHT
    return PairItem(
        key=key,
        received_at=received_at,
        region_path=region_path,
        domain=domain,
        dispute_type=dispute_type,
        reporter=reporter,
        tokens=tokens,
        bigrams=Counter(fields.bigrams),
        title_pairs=Counter(bigrams(normalise(title).lower())) if title else Counter(),
        vector=fields.vector,
        minhash=fields.minhash,
        names=tuple(dict.fromkeys((*in_head, *in_whole))),
        main={kind: _stems(in_head, kind) or _stems(in_whole, kind) for kind in KINDS},
        districts=frozenset(_DISTRICT.findall(normalise(head))) or frozenset(_DISTRICT.findall(normalise(whole))[:3]),
        party=party,
    )


def _stems(names: tuple[Name, ...], kind: Kind) -> frozenset[str]:
    return frozenset(name.stem for name in names if name.kind == kind)


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """What speaks for and against two complaints being of one event."""

    probability: float
    features: dict[str, float]
    shared_names: list[str]
    shared_words: list[str]
    days_apart: float


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A complaint's terms under one rarity: unit tf-idf vectors, and the rare terms by their rarity."""

    tokens: dict[str, float]
    bigrams: dict[str, float]
    title: dict[str, float]
    rare_tokens: dict[str, float]
    rare_pairs: dict[str, float]


class Scorer:
    """Scores pairs under one rarity of terms; remembers what it has weighed.

    Args:
        idf: rarity of tokens, and of bigrams prefixed with `#`.
        weights: the fitted ones when None.
    """

    def __init__(self, idf: Idf, weights: Mapping[str, float] | None = None) -> None:
        self._idf = idf
        self._weights = fitted_weights() if weights is None else weights
        self._weighed: dict[int, tuple[PairItem, _Weighed]] = {}
        self._pairs: dict[tuple[int, int], float] = {}

    def compare(self, left: PairItem, right: PairItem) -> PairEvidence:
        """Score a pair; symmetric."""
        features, both, days = self._measure(left, right)
        odds = self._weights["bias"] + sum(self._weights[name] * value for name, value in features.items())
        mine, theirs = self._of(left), self._of(right)
        rare = mine.rare_tokens.keys() & theirs.rare_tokens.keys()
        telling = sorted(rare or left.tokens.keys() & right.tokens.keys(), key=lambda token: (-self._idf(token), token))
        return PairEvidence(1 / (1 + exp(-odds)), features, both, telling[:6], days)

    def probability(self, left: PairItem, right: PairItem) -> float:
        """The probability alone, 0 to 1; remembered."""
        pair = (id(left), id(right)) if id(left) < id(right) else (id(right), id(left))
        held = self._pairs.get(pair)
        if held is None:
            features, _, _ = self._measure(left, right)
            odds = self._weights["bias"] + sum(self._weights[name] * value for name, value in features.items())
            held = self._pairs[pair] = 1 / (1 + exp(-odds))
        return held

    def features(self, left: PairItem, right: PairItem) -> dict[str, float]:
        """The features of a pair, each between 0 and 1."""
        return self._measure(left, right)[0]

    def _measure(self, left: PairItem, right: PairItem) -> tuple[dict[str, float], list[str], float]:
        a, b = self._of(left), self._of(right)
        names = shared_names(left, right)
        days = abs((left.received_at - right.received_at).total_seconds()) / 86_400
        features = {
            "words": _dot(a.tokens, b.tokens),
            "bigrams": _dot(a.bigrams, b.bigrams),
            "meaning": max(0.0, float(left.vector @ right.vector)),
            "title": _dot(a.title, b.title),
            "rare_words": _saturated(_common(a.rare_tokens, b.rare_tokens) / 12),
            "rare_pairs": _saturated(_common(a.rare_pairs, b.rare_pairs) / 20),
            "same_name": max((self._telling(name) for name in names), default=0.0),
            "same_main_name": float(any(_agree(left.main[kind], right.main[kind]) for kind in KINDS)),
            "same_line": float(_agree(left.main["line"], right.main["line"])),
            "same_party": float(bool(left.party and right.party and _within(left.party, right.party))),
            "same_text": jaccard(left.minhash, right.minhash),
            "same_matter": 0.5 * (left.domain == right.domain) + 0.5 * (left.dispute_type == right.dispute_type),
            "same_reporter": float(left.reporter is not None and left.reporter == right.reporter),
            "other_district": float(_disjoint(left.districts, right.districts)),
            "other_region": float(_apart(left.region_path, right.region_path)),
            "apart": min(1.0, log(1 + days / _DAYS_NEAR) / log(1 + _DAYS_FULL / _DAYS_NEAR)),
            "short": float(min(len(left.tokens), len(right.tokens)) < _SHORT),
        }
        for kind in KINDS:
            features[f"other_{kind}"] = float(_conflict(left, right, kind))
        return features, [name for name in names if name], days

    def _telling(self, name: str) -> float:
        """How much a shared name says: little for one that many complaints name."""
        pairs = bigrams(name)
        return min(1.0, max((self._idf("#" + pair) for pair in pairs), default=0.0) / 9)

    def _of(self, item: PairItem) -> _Weighed:
        held = self._weighed.get(id(item))
        if held is None:
            if len(self._weighed) >= _REMEMBERED:
                self._weighed.clear()
                self._pairs.clear()
            # The item is kept beside its weights, so that its id stays its own.
            held = self._weighed[id(item)] = (item, self._weigh(item))
        return held[1]

    def _weigh(self, item: PairItem) -> _Weighed:
        idf = self._idf
        tokens = {term: idf(term) for term in item.tokens}
        pairs = {pair: idf("#" + pair) for pair in item.bigrams}
        return _Weighed(
            tokens=_unit({term: (1 + log(count)) * tokens[term] for term, count in item.tokens.items()}),
            bigrams=_unit({pair: (1 + log(count)) * pairs[pair] for pair, count in item.bigrams.items()}),
            title=_unit({pair: pairs.get(pair) or idf("#" + pair) for pair in item.title_pairs}),
            rare_tokens={
                term: value - _RARE_TOKEN for term, value in tokens.items() if value > _RARE_TOKEN and len(term) > 1
            },
            rare_pairs={pair: value - _RARE_PAIR for pair, value in pairs.items() if value > _RARE_PAIR},
        )


def compare(left: PairItem, right: PairItem, idf: Idf) -> PairEvidence:
    """Score one pair; for many, keep a `Scorer`."""
    return Scorer(idf).compare(left, right)


@cache
def fitted_weights() -> dict[str, float]:
    """The shipped weights in log-odds, `bias` included."""
    raw = json.loads((files("nlp") / "pairs.json").read_text(encoding="utf-8"))
    return {name: float(value) for name, value in raw["weights"].items()}


@cache
def fitted_threshold() -> float:
    """The mean probability between two groups from which they are one event."""
    raw = json.loads((files("nlp") / "pairs.json").read_text(encoding="utf-8"))
    return float(raw["threshold"])


def shared_names(left: PairItem, right: PairItem) -> list[str]:
    """Names that both hold, as the shorter text has them, longest first."""
    found = {
        min(mine.text, theirs.text, key=lambda text: (len(text), text))
        for mine in left.names
        for theirs in right.names
        if mine.kind != "line" and theirs.kind != "line" and same_stem(mine.stem, theirs.stem)
    }
    return sorted(found, key=lambda name: (-len(name), name))


def _agree(left: frozenset[str], right: frozenset[str]) -> bool:
    return any(same_stem(a, b) for a in left for b in right)


def _conflict(left: PairItem, right: PairItem, kind: Kind) -> bool:
    """Whether both name things of a kind, and neither's main ones are among all of the other's."""
    mine, theirs = left.main[kind], right.main[kind]
    if not mine or not theirs:
        return False
    if kind == "line":
        return not mine & theirs
    return not _agree(mine, _stems_of(right)) and not _agree(theirs, _stems_of(left))


def _stems_of(item: PairItem) -> frozenset[str]:
    return frozenset(name.stem for name in item.names if name.kind != "line")


def _disjoint(left: frozenset[str], right: frozenset[str]) -> bool:
    return bool(left and right and not left & right)


def _apart(left: str, right: str) -> bool:
    """Whether two region paths lie in different subtrees, neither above the other."""
    return not (left.startswith(right) or right.startswith(left))


def _within(left: str, right: str) -> bool:
    return min(len(left), len(right)) > 2 and (left in right or right in left)


def _dot(left: Mapping[str, float], right: Mapping[str, float]) -> float:
    small, large = (left, right) if len(left) <= len(right) else (right, left)
    return min(1.0, sum(value * large[term] for term, value in small.items() if term in large))


def _common(left: Mapping[str, float], right: Mapping[str, float]) -> float:
    return sum(min(left[term], right[term]) for term in left.keys() & right.keys())


def _saturated(value: float) -> float:
    return 1.0 - exp(-value)


def _unit(weights: dict[str, float]) -> dict[str, float]:
    norm = sum(value * value for value in weights.values()) ** 0.5
    return {term: value / norm for term, value in weights.items()} if norm else weights
