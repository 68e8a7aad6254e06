"""Calls are told from letters and forms, and their turns are found where they stand."""

import pytest

from data_contracts.complaint import Complaint, Turn
from nlp.normalise import normalise
from nlp.prepare import prepare
from nlp.transcript import turns_of

CALL = "话务员：您好，请讲。\n市民：楼下烧烤店天天冒烟。\n话务员：在哪个小区？\n市民：锦云小区。"


def said(text: str, channel: str = "other") -> list[tuple[str, str]]:
    normal = normalise(text)
    return [(turn.speaker, text[turn.start : turn.end]) for turn in turns_of(normal, channel)]  # type: ignore[arg-type]


def test_turns_hold_the_words_without_the_label() -> None:
    assert said(CALL) == [
        ("agent", "您好，请讲。"),
        ("citizen", "楼下烧烤店天天冒烟。"),
        ("agent", "在哪个小区？"),
        ("citizen", "锦云小区。"),
    ]


@pytest.mark.parametrize("agent", ["话务员", "接线员", "客服", "坐席", "坐席人员", "工作人员", "话务员03"])
@pytest.mark.parametrize("citizen", ["市民", "来电人", "群众", "诉求人", "反映人", "王女士", "先生"])
def test_speaker_words(agent: str, citizen: str) -> None:
    turns = said(f"{agent}: 请讲\n{citizen} ：没水了\n{agent}：知道了")
    assert turns == [("agent", "请讲"), ("citizen", "没水了"), ("agent", "知道了")]


def test_a_line_without_a_label_goes_on() -> None:
    assert said("话务员：请讲\n市民：第一件事\n第二件事\n话务员：好") == [
        ("agent", "请讲"),
        ("citizen", "第一件事\n第二件事"),
        ("agent", "好"),
    ]


def test_a_hotline_call_may_stand_on_one_line() -> None:
    text = "话务员：您好。市民：停电了。话务员：登记了。"
    assert [speaker for speaker, _ in said(text, "hotline")] == ["agent", "citizen", "agent"]
    assert said(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "我去问物业，客服：这事不归我们管。后来又去了一次。",
        "投诉人：某业主\n被投诉人：恒锦物业\n诉求：退费",
        "我问了社区。\n工作人员：等通知。\n等了三个月也没有通知。",
        "没有对话，只有一封信。",
    ],
)
def test_letters_and_forms_are_no_calls(text: str) -> None:
    assert said(text, "petition") == []


def test_given_turns_are_placed_exactly() -> None:
    turns = [
        Turn(speaker="agent", text="请讲"),
        Turn(speaker="citizen", text="市民：第一\n第二"),
        Turn(speaker="agent", text=""),
    ]
    prepared = prepare(Complaint(title="停水", turns=turns, channel="hotline"))
    assert [(turn.speaker, prepared.given[turn.start : turn.end]) for turn in prepared.turns] == [
        (turn.speaker, turn.text) for turn in turns
    ]
