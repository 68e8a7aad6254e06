from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from data_contracts import Answer, Complaint, LabelledExample, limits
from data_contracts.complaint import Turn
from data_contracts.times import LOCAL


def fault(**fields: object) -> dict[str, object]:
    with pytest.raises(ValidationError) as caught:
        Complaint.model_validate({"external_id": "a", **fields})
    errors = caught.value.errors()
    assert len(errors) == 1
    return dict(errors[0])


def test_a_time_without_a_zone_is_local() -> None:
    complaint = Complaint.model_validate({"external_id": "a", "text": "路灯坏了", "received_at": "2026-04-15T09:00:00"})
    assert complaint.received_at.tzinfo is LOCAL
    assert complaint.received_at.astimezone(UTC).hour == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"text": "路灯\x00坏了"}, "text-nul"),
        ({"text": " \n\t"}, "text-blank"),
        ({"text": "路灯坏了", "received_at": "1970-01-01T00:00:00Z"}, "time-too-early"),
        ({"text": "路灯坏了", "received_at": "2100-01-01T00:00:00Z"}, "time-in-future"),
        ({"text": "路灯坏了", "turns": [{"speaker": "citizen", "text": "喂"}]}, "text-or-turns"),
        ({}, "text-or-turns"),
        ({"turns": [{"speaker": "citizen", "text": "  "}]}, "text-blank"),
    ],
)
def test_faults_carry_a_code_and_both_languages(fields: dict[str, object], code: str) -> None:
    error = fault(**fields)
    assert error["type"] == code
    context = error["ctx"]
    assert isinstance(context, dict)
    assert context["zh"] != context["en"]
    assert any("\u4e00" <= c <= "\u9fff" for c in context["zh"])


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ValidationError):
        Complaint(external_id="a", text="路灯\ud800坏了")


def test_length_limits_hold_at_their_edge() -> None:
    Complaint(external_id="a", text="字" * limits.TEXT_MAX_CHARS)
    assert fault(text="字" * (limits.TEXT_MAX_CHARS + 1))["type"] == "string_too_long"
    turns = [Turn(speaker="citizen", text="字" * limits.TURN_MAX_CHARS).model_dump()] * 5
    assert fault(turns=turns)["type"] == "text-too-long"


def test_spans_count_into_title_newline_body() -> None:
    complaint = Complaint(
        external_id="a",
        title="欠薪",
        turns=[Turn(speaker="agent", text="请讲"), Turn(speaker="citizen", text="四个月没发钱")],
    )
    assert complaint.full_text == "欠薪\n话务员：请讲\n市民：四个月没发钱"
    assert complaint.full_text[complaint.body_start :] == complaint.body
    assert Complaint(external_id="a", text="无标题").body_start == 0


def test_a_reporter_is_a_pseudonym_never_a_name() -> None:
    assert fault(text="路灯坏了", reporter="王小二")["type"] == "string_pattern_mismatch"
    assert Complaint(external_id="a", text="路灯坏了", reporter="0" * 32).reporter == "0" * 32


def test_a_slightly_fast_clock_is_forgiven() -> None:
    soon = datetime.now(UTC) + limits.FUTURE_TOLERANCE / 2
    assert Complaint(external_id="a", text="路灯坏了", received_at=soon).received_at == soon
    with pytest.raises(ValidationError):
        Complaint(external_id="a", text="路灯坏了", received_at=soon + timedelta(minutes=10))


def test_an_answer_needs_an_office_and_words() -> None:
    with pytest.raises(ValidationError):
        Answer(office=" ", text="已办结")
    with pytest.raises(ValidationError):
        Answer(office="住建局", text="已办结", satisfaction=6)


def test_an_example_with_an_unknown_label_is_refused() -> None:
    LabelledExample(id="a", text="路灯坏了", domain="城乡建设", factors=["群体"])
    with pytest.raises(ValidationError, match="分类表"):
        LabelledExample(id="a", text="路灯坏了", domain="天文")
    with pytest.raises(ValidationError, match="天气"):
        LabelledExample(id="a", text="路灯坏了", factors=["天气"])
