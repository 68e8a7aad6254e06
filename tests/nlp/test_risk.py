"""Level, score and factors of risk."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from data_contracts.complaint import Complaint
from data_contracts.taxonomy import taxonomy
from nlp.prepare import prepare
from nlp.risk import assess, decide_level, risk_score
from nlp.risk.said import said

BLUE = (0.9, 0.07, 0.02, 0.01)
RED = (0.02, 0.05, 0.23, 0.70)


@dataclass
class Row:
    """Class probabilities of one text."""

    levels: tuple[float, ...] = BLUE
    chances: tuple[float, ...] = (0.0,) * 9
    heads: dict[str, NDArray[np.float32]] = field(init=False)
    factors: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        self.heads = {"risk_level": np.array(self.levels, np.float32)}
        self.factors = np.array(self.chances, np.float32)


def chance_of(**codes: float) -> tuple[float, ...]:
    return tuple(codes.get(entry.code, 0.0) for entry in taxonomy("factor"))


def test_the_likeliest_level_and_its_band() -> None:
    risk = assess(prepare(Complaint(text="公园的长椅掉漆了，建议刷一下")), Row(BLUE))
    assert (risk.level.label, risk.raised_by_rule) == ("蓝", None)
    assert 0 <= risk.score < 25
    assert risk.level.confidence == pytest.approx(0.9)


def test_the_score_stays_in_the_band_of_the_level_and_grows_with_the_expected_level() -> None:
    milder, graver = np.array([0.4, 0.5, 0.1, 0.0]), np.array([0.1, 0.5, 0.3, 0.1])
    assert 25 <= risk_score(milder, 1) < risk_score(graver, 1) < 50
    for level in range(4):
        assert 25 * level <= risk_score(np.array([1.0, 0, 0, 0]), level) <= 25 * (level + 1)


def test_a_bias_moves_the_decision() -> None:
    even = np.array([0.40, 0.35, 0.2, 0.05])
    assert decide_level(even) == 0
    assert decide_level(even, (0.0, 0.3, 0.0, 0.0)) == 1


def test_a_rule_raises_and_says_so() -> None:
    risk = assess(prepare(Complaint(text="猫托给妹妹了，房租结清。药我都攒着的，够了。")), Row(BLUE))
    assert (risk.level.label, risk.raised_by_rule) == ("红", "扬言自伤或告别")
    assert risk.score >= 75
    assert risk.level.confidence >= 0.5
    (factor,) = [factor for factor in risk.factors if factor.label == "人身安全"]
    assert "攒着" in factor.evidence[0].text


def test_a_rule_never_lowers_nor_takes_credit_for_a_level_that_stands() -> None:
    text = "他拿着菜刀在门口喊别想出去，快点来人"
    risk = assess(prepare(Complaint(text=text)), Row(RED))
    assert (risk.level.label, risk.raised_by_rule) == ("红", None)
    calm = assess(prepare(Complaint(text="公交车晚点")), Row(RED))
    assert calm.level.label == "红"


def test_every_factor_has_evidence_in_the_text() -> None:
    complaint = Complaint(
        text="小区消防通道被堵，已经投诉过三次没有结果。我们四十多户老人居多。", title="望湖区翠园消防通道"
    )
    prepared = prepare(complaint)
    risk = assess(prepared, Row(chances=(1.0,) * 9))
    assert [factor.label for factor in risk.factors] == list(taxonomy("factor").labels)
    for factor in risk.factors:
        assert factor.evidence
        for span in factor.evidence:
            assert complaint.full_text[span.start : span.end] == span.text


def test_plain_words_make_a_factor_that_the_classifier_nearly_held() -> None:
    prepared = prepare(Complaint(text="楼道的消防通道被电动车堵死"))
    assert [f.label for f in assess(prepared, Row(chances=chance_of(public_safety=0.45))).factors] == ["公共安全"]
    assert assess(prepared, Row(chances=chance_of(public_safety=0.1))).factors == []
    vague = prepare(Complaint(text="楼道走不过去"))
    assert assess(vague, Row(chances=chance_of(public_safety=0.45))).factors == []


def test_thresholds_come_from_the_package() -> None:
    prepared = prepare(Complaint(text="楼道走不过去"))
    row = Row(chances=chance_of(public_safety=0.45))
    assert assess(prepared, row, factor_thresholds={"public_safety": 0.4}).factors[0].label == "公共安全"


@pytest.mark.parametrize("text", ["没有人受伤，车停着", "店里跳楼价", "笑死我了", "无人员伤亡"])
def test_harmless_words_are_hidden_from_the_lexicon(text: str) -> None:
    words = said(prepare(Complaint(text=text)))
    assert len(words) == len(text)
    assert "□" in words


def test_only_the_citizen_counts() -> None:
    text = "话务员：有没有人受伤流血？\n市民：没，就是路灯不亮。"
    words = said(prepare(Complaint(text=text)))
    assert "流血" not in words
    assert "路灯" in words


def test_a_text_without_words_breaks_nothing() -> None:
    for text in ("。", "1", "😀", "a"):
        assess(prepare(Complaint(text=text)), Row(chances=(1.0,) * 9))
