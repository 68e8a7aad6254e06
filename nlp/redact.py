"""From the analysis that lives in memory to the one that may be kept, indexed, logged or sent."""

from data_contracts.analysis import Analysis, Element, Span

_PRIVATE_ELEMENTS = ("contact",)


def redacted(analysis: Analysis) -> Analysis:
    """The same analysis with the masked words in every span and value."""
    masked = f"{analysis.masked_title}\n{analysis.masked_text}" if analysis.masked_title else analysis.masked_text

    def hide(span: Span) -> Span:
        return span.model_copy(update={"text": masked[span.masked_start : span.masked_end]})

    def element(found: Element) -> Element:
        span = hide(found.span)
        value = found.value
        if isinstance(value, str) and (found.name in _PRIVATE_ELEMENTS or span.text != found.span.text):
            value = None
        return found.model_copy(update={"span": span, "value": value})

    factors = [
        factor.model_copy(update={"evidence": [hide(span) for span in factor.evidence]})
        for factor in analysis.risk.factors
    ]
    return analysis.model_copy(
        update={
            "elements": [element(found) for found in analysis.elements],
            "risk": analysis.risk.model_copy(update={"factors": factors}),
        }
    )
