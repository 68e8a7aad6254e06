"""Normalising never changes the length, and brings spellings of one word together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.normalise import normalise


@given(st.text(max_size=400))
def test_length_stays(text: str) -> None:
    assert len(normalise(text)) == len(text)


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0xFFFF, exclude_categories=["Cs"])))
def test_a_second_time_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("１３９，Ａｂ：（ｘ）！", "139,Ab:(x)!"),
        ("開發商拖欠農民工工資", "开发商拖欠农民工工资"),
        ("望\u3000湖\u00a0区\t三\u200b楼", "望 湖 区 三 楼"),
        ("第一行\r\n第二行\u2028第三行", "第一行 \n第二行\n第三行"),
        ("⼀⾼", "一高"),
        ("①漏水②停电 25m²", "①漏水②停电 25m²"),
        ("云州市望湖区，三个月没发工资。", "云州市望湖区,三个月没发工资。"),
        ("①著名的乾隆碑", "①著名的乾隆碑"),
    ],
)
def test_spellings(raw: str, wanted: str) -> None:
    assert normalise(raw) == wanted


def test_ascii_stays() -> None:
    assert normalise("Room 12, tel 110\n") == "Room 12, tel 110\n"
