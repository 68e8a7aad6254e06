"""What was found to hide, and the text with it hidden."""

from collections.abc import Iterable
from dataclasses import dataclass

from data_contracts.analysis import MASK_LABELS, MaskKind


@dataclass(frozen=True, slots=True, order=True)
class RawMask:
    """A stretch to hide, in code points of the full text; `tail` is what its tag may still show (two digits at most)."""

    start: int
    end: int
    kind: MaskKind
    tail: str = ""

    @property
    def tag(self) -> str:
        """What stands in the masked text instead, e.g. `[手机号78]`."""
        return f"[{MASK_LABELS[self.kind]}{self.tail}]"


def render(text: str, masks: Iterable[RawMask]) -> str:
    """The text with every mask replaced by its tag.

    Args:
        text: the text as given or normalised (both have the same offsets).
        masks: ascending, not overlapping.
    """
    parts = []
    position = 0
    for mask in masks:
        parts.append(text[position : mask.start])
        parts.append(mask.tag)
        position = mask.end
    parts.append(text[position:])
    return "".join(parts)


def disjoint(masks: Iterable[RawMask]) -> list[RawMask]:
    """Ascending masks without overlaps: the earlier wins, of two that start together the longer."""
    kept: list[RawMask] = []
    for mask in sorted(masks, key=lambda mask: (mask.start, -mask.end)):
        if not kept or mask.start >= kept[-1].end:
            kept.append(mask)
        elif mask.end > kept[-1].end:
            kept.append(RawMask(kept[-1].end, mask.end, mask.kind, mask.tail))
    return kept
