"""Finds what identifies a private person in a text, so that nothing else ever sees it."""

from collections.abc import Sequence

from nlp.pii.identifiers import find_identifiers
from nlp.pii.masks import RawMask, disjoint, render
from nlp.pii.names import find_names
from nlp.pii.numbers import find_numbers
from nlp.transcript import TurnSpan

__all__ = ["RawMask", "find_masks", "render"]


def find_masks(normal: str, turns: Sequence[TurnSpan] = ()) -> list[RawMask]:
    """Everything to hide in a normalised full text.

    Args:
        normal: normalised full text.
        turns: its turns, when it is a call.

    Returns:
        Ascending masks that do not overlap. Of a person's name the surname stays outside the mask.
    """
    numbers = disjoint(find_numbers(normal) + find_identifiers(normal))
    return disjoint(numbers + find_names(normal, numbers, turns))
