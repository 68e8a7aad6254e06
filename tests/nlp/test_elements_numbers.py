"""Numbers as people write and say them."""

import cn2an
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.elements.numbers import parse_number


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("三万二", 32_000),
        ("8万7", 87_000),
        ("两千八", 2_800),
        ("一万零五十", 10_050),
        ("12万", 120_000),
        ("18.5万", 185_000),
        ("1.2亿", 120_000_000),
        ("一亿两千万", 120_000_000),
        ("一百来", 100),
        ("十几", 10),
        ("三百一十几", 310),
        ("几百", 100),
        ("两千多", 2_000),
        ("二十四五", 24),
        ("两三百", 200),
        ("2,300.5", 2_300.5),
        ("二零二六", 2_026),
        ("5k", 5_000),
        ("3w", 30_000),
    ],
)
def test_spoken_and_written_numbers(words: str, value: float) -> None:
    assert parse_number(words) == value


def test_the_other_end_of_a_range() -> None:
    assert parse_number("七八", upper=True) == 8
    assert parse_number("七八") == 7


@pytest.mark.parametrize("words", ["", "元", "abc", "多"])
def test_what_is_no_number(words: str) -> None:
    assert parse_number(words) is None


@given(st.integers(min_value=1, max_value=99_999_999))
def test_canonical_numerals_agree_with_cn2an(number: int) -> None:
    assert parse_number(cn2an.an2cn(number)) == number
