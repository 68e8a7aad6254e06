"""Positions lead from the given text to the masked one and back, and the model reads what it should."""

from hypothesis import given
from hypothesis import strategies as st

from data_contracts.complaint import Complaint, Turn
from nlp.prepare import prepare

TEXT = "我叫孟庆丰，电话13907120578，住锦云小区7栋1803室，物业不管。"


def test_masks_lie_where_they_say() -> None:
    prepared = prepare(Complaint(title="投诉夏长河", text=TEXT))
    assert len(prepared.given) == len(prepared.normal)
    for mask in prepared.masks:
        tag = prepared.masked[mask.masked_start : mask.masked_end]
        assert tag.startswith("[")
        assert tag.endswith("]")
    assert [prepared.given[mask.start : mask.end] for mask in prepared.masks][-3:] == ["庆丰", "13907120578", "1803室"]


def test_title_and_text_are_parted() -> None:
    prepared = prepare(Complaint(title="手机13907120578的人骗钱", text="望查处"))
    assert prepared.masked_title == "手机[手机号78]的人骗钱"
    assert prepared.masked_text == "望查处"
    assert prepared.model_text == "手机[手机号78]的人骗钱\n望查处"
    untitled = prepare(Complaint(text="望查处"))
    assert untitled.masked_title is None
    assert untitled.masked_text == "望查处"


def test_positions_inside_a_mask_lead_to_its_tag() -> None:
    prepared = prepare(Complaint(text=TEXT))
    mask = next(mask for mask in prepared.masks if mask.kind == "mobile")
    assert {prepared.to_masked(at) for at in range(mask.start, mask.end)} == {mask.masked_start}
    assert prepared.to_masked(mask.end) == mask.masked_end
    assert prepared.to_masked(len(prepared.given)) == len(prepared.masked)


def test_spans_hold_the_words_and_redaction_hides_them() -> None:
    prepared = prepare(Complaint(text=TEXT))
    start = TEXT.index("电话")
    span = prepared.span(start, start + 8)
    assert span.text == "电话139071"
    assert prepared.redact(span).text == "电话[手机号78]"
    place = prepared.span(TEXT.index("锦云"), TEXT.index("1803"))
    assert prepared.redact(place).text == place.text == "锦云小区7栋"


@given(
    st.text(alphabet="望湖区物业夏长河13907120578，。：\n电话室栋叫我Ａ樓", max_size=120),
    st.integers(0, 119),
    st.integers(1, 40),
)
def test_unmasked_spans_survive(text: str, start: int, length: int) -> None:
    if not text.strip() or start >= len(text):
        return
    prepared = prepare(Complaint(text=text))
    end = min(len(text), start + length)
    span = prepared.span(start, end)
    assert span.text == text[start:end]
    assert 0 <= span.masked_start <= span.masked_end <= len(prepared.masked)
    if all(mask.end <= start or mask.start >= end for mask in prepared.masks):
        assert prepared.redact(span).text == span.text
    positions = [prepared.to_masked(at) for at in range(len(text) + 1)]
    assert positions == sorted(positions)


def test_the_model_reads_the_citizen_first() -> None:
    turns = [
        Turn(speaker="agent", text="您好，请讲。"),
        Turn(speaker="citizen", text="锦云小区停水三天了。"),
        Turn(speaker="agent", text="系统显示供水公司昨天已经派单。"),
        Turn(speaker="citizen", text="我手机13907120578。"),
    ]
    read = prepare(Complaint(turns=turns, channel="hotline")).model_text
    assert read.startswith("锦云小区停水三天了。\n我手机[手机号78]。")
    assert read.index("我手机") < read.index("昨天已经派单")
    assert "您好" not in read


def test_full_width_and_traditional_are_read_as_usual() -> None:
    prepared = prepare(Complaint(text="開發商電話１３９０７１２０５７８"))
    assert prepared.masked == "開發商電話[手机号78]"
    assert prepared.model_text == "开发商电话[手机号78]"
