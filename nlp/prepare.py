"""The first step of everything: a complaint becomes a normalised and masked text whose offsets still lead back."""

from bisect import bisect_right
from dataclasses import dataclass

from data_contracts.analysis import Mask, Span
from data_contracts.complaint import Complaint
from nlp.normalise import normalise
from nlp.pii import find_masks, render
from nlp.reading import model_text
from nlp.transcript import TurnSpan, given_turns, turns_of


@dataclass(frozen=True, slots=True)
class Prepared:
    """A complaint that is ready to be read.

    `given` and `normal` have the same length; positions and spans count code points into them. `masked` is `given`
    with tags instead of what was hidden; `model_text` is what classifiers and encoders read.
    """

    complaint: Complaint
    given: str
    normal: str
    body_start: int
    turns: tuple[TurnSpan, ...]
    masks: tuple[Mask, ...]
    masked: str
    model_text: str
    _starts: tuple[int, ...]

    @property
    def masked_title(self) -> str | None:
        """The masked title, None when the complaint has none."""
        return self.masked[: self.to_masked(self.body_start) - 1] if self.body_start else self.complaint.title

    @property
    def masked_text(self) -> str:
        """The masked body."""
        return self.masked[self.to_masked(self.body_start) :]

    def to_masked(self, position: int) -> int:
        """Where a position of the given text lies in the masked one; inside a mask that is the start of its tag."""
        index = bisect_right(self._starts, position) - 1
        if index < 0:
            return position
        mask = self.masks[index]
        return mask.masked_start if position < mask.end else mask.masked_end + position - mask.end

    def _end_to_masked(self, position: int) -> int:
        """Like `to_masked` for the end of a span: inside a mask that is the end of its tag."""
        index = bisect_right(self._starts, position - 1) - 1
        if index < 0:
            return position
        mask = self.masks[index]
        return mask.masked_end if position <= mask.end else mask.masked_end + position - mask.end

    def span(self, start: int, end: int) -> Span:
        """The span of given positions with the original words.

        Raises:
            ValueError: the span is empty or lies outside the text.
        """
        if not 0 <= start < end <= len(self.given):
            raise ValueError(f"span {start}:{end} outside a text of {len(self.given)} characters")
        return Span(
            start=start,
            end=end,
            masked_start=self.to_masked(start),
            masked_end=self._end_to_masked(end),
            text=self.given[start:end],
        )

    def redact(self, span: Span) -> Span:
        """The same span with the masked words."""
        return span.model_copy(update={"text": self.masked[span.masked_start : span.masked_end]})


def prepare(complaint: Complaint) -> Prepared:
    """Normalise and mask a complaint."""
    given = complaint.full_text
    normal = normalise(given)
    turns = given_turns(complaint) if complaint.turns is not None else turns_of(normal, complaint.channel)
    raw = find_masks(normal, turns)
    masks = []
    shift = 0
    for mask in raw:
        tag_start = mask.start + shift
        tag_end = tag_start + len(mask.tag)
        masks.append(Mask(kind=mask.kind, start=mask.start, end=mask.end, masked_start=tag_start, masked_end=tag_end))
        shift = tag_end - mask.end
    return Prepared(
        complaint=complaint,
        given=given,
        normal=normal,
        body_start=complaint.body_start,
        turns=turns,
        masks=tuple(masks),
        masked=render(given, raw),
        model_text=model_text(normal, raw, turns, complaint.body_start),
        _starts=tuple(mask.start for mask in masks),
    )
