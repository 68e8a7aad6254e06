"""What a complaint states: place, counterparty, sum, people, times, demands, with spans into the given text."""

from collections.abc import Sequence

from data_contracts.analysis import Element
from nlp.elements.demand import demands
from nlp.elements.lexicon import worded_elements
from nlp.elements.main_values import MainValues, builtin_net, read_main_values, read_text
from nlp.elements.times import times
from nlp.prepare import Prepared

__all__ = ["extract", "extract_batch"]


def extract_batch(prepared: Sequence[Prepared]) -> list[list[Element]]:
    """The elements of n complaints; of each name the main one comes first.

    Returns:
        for each place, counterparty, amount (yuan) and people (a count) at most once each, then contacts, times (ISO
        values where the day of receipt fixes them), demands, causes, measures, hazards and responsible units.
    """
    worded = [item for item in prepared if item.normal.strip()]
    main = iter(read_main_values(builtin_net(), [read_text(item) for item in worded]))
    return [_elements(item, next(main)) if item.normal.strip() else [] for item in prepared]


def extract(prepared: Prepared) -> list[Element]:
    """`extract_batch` for one complaint."""
    return extract_batch([prepared])[0]


def _elements(prepared: Prepared, main: MainValues) -> list[Element]:
    return [
        *_main_elements(prepared, main),
        *_contacts(prepared),
        *times(prepared),
        *demands(prepared),
        *worded_elements(prepared),
    ]


def _main_elements(prepared: Prepared, main: MainValues) -> list[Element]:
    elements = []
    for kind, choice in main.spans.items():
        span = prepared.span(choice.start, choice.end)
        elements.append(Element(name=kind, span=span))
    for name, (quantity, _) in main.quantities.items():
        elements.append(Element(name=name, span=prepared.span(quantity.start, quantity.end), value=quantity.value))
    return elements


def _contacts(prepared: Prepared) -> list[Element]:
    """The stretches that hold a telephone number, by the masks that hide them."""
    return [
        Element(name="contact", span=prepared.span(mask.start, mask.end))
        for mask in prepared.masks
        if mask.kind in ("mobile", "landline")
    ]
