"""Elements of whole complaints: main values, times, demands, and spans that lead back to the words."""

from datetime import datetime

import pytest

from data_contracts.analysis import Element
from data_contracts.complaint import Complaint, Turn
from nlp.elements import extract, extract_batch
from nlp.prepare import prepare


def elements_of(text: str, **more: object) -> list[Element]:
    return extract(
        prepare(Complaint.model_validate({"text": text, "received_at": "2026-04-15T09:00:00+08:00", **more}))
    )


def values(elements: list[Element], name: str) -> list[object]:
    return [element.value for element in elements if element.name == name]


def words(elements: list[Element], name: str) -> list[str]:
    return [element.span.text for element in elements if element.name == name]


def test_the_four_main_elements_of_a_plain_complaint() -> None:
    found = elements_of(
        "我们小区320户业主，物业公司强制每户收装修押金2000元，不交不给钥匙，希望住建局查处。",
        title="望湖区锦绣花园小区物业公司乱收押金",
    )
    assert "锦绣花园" in words(found, "place")[0]
    assert "物业" in words(found, "counterparty")[0]
    assert values(found, "amount") == [2000.0]
    assert values(found, "people") == [320.0]


def test_spans_lead_back_to_the_given_words() -> None:
    text = "澜江区松涛路３８号的烧烤店每天半夜油烟扰民，２０２６年３月５日已经向社区反映过。"
    complaint = Complaint(text=text)
    for element in extract(prepare(complaint)):
        assert complaint.full_text[element.span.start : element.span.end] == element.span.text


def test_a_call_is_read_from_its_turns() -> None:
    turns = [
        Turn(speaker="agent", text="您好，云州12345，请讲。"),
        Turn(speaker="citizen", text="东岭区明泽花园，物业收了我三千八，不对，三千六百元的装修押金，半年了不退。"),
    ]
    found = extract(prepare(Complaint(turns=turns)))
    assert values(found, "amount") in ([3600.0], [3800.0])
    assert "明泽花园" in words(found, "place")[0]


def test_values_of_places_and_parties_are_not_doubled_outside_the_span() -> None:
    found = elements_of("望湖区翠园小区的物业公司不退押金")
    assert all(element.value is None for element in found if element.name in ("place", "counterparty"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("昨天停水", "2026-04-14"),
        ("今年3月5日停水", "2026-03-05"),
        ("3月5日停水", "2026-03-05"),
        ("11月5日停水", "2025-11-05"),
        ("去年12月停水", "2025-12"),
        ("上周三停水", "2026-04-08"),
        ("上个月停水", "2026-03"),
        ("2025年6月以来一直停水", "2025-06/.."),
        ("去年腊月停水", None),
        ("今年2月30日停水", None),
    ],
)
def test_times_are_fixed_by_the_day_of_receipt(text: str, value: str | None) -> None:
    assert values(elements_of(text), "time")[:1] == [value]


def test_the_day_is_the_local_one() -> None:
    found = extract(
        prepare(Complaint(text="昨天停水", received_at=datetime.fromisoformat("2026-04-14T17:00:00+00:00")))
    )
    assert values(found, "time") == ["2026-04-14"]


def test_demands_are_the_citizens() -> None:
    found = elements_of("路灯坏了两个月，请求尽快派人维修。物业要求我们自己出钱。")
    assert words(found, "demand") == ["请求尽快派人维修"]


def test_contacts_come_from_the_masks() -> None:
    assert words(elements_of("路灯坏了，我的电话13800138000"), "contact") == ["13800138000"]


def test_measures_and_hazards_from_plain_words() -> None:
    found = elements_of("楼道里闻到一股煤气味，我们已经报警，请燃气公司处理。")
    assert "已报警" in values(found, "measure")
    assert "燃气" in values(found, "hazard_type")


def test_odd_texts_break_nothing() -> None:
    for text in ("。", "！！！", "a", "1", "😀" * 50, "一" * 3000, "\n \n啊"):
        extract(prepare(Complaint(text=text)))


def test_a_batch_is_read_as_its_texts_are() -> None:
    batch = [prepare(Complaint(text=text)) for text in ("望湖区路灯坏了", "欠薪三万元")]
    assert extract_batch(batch) == [extract(item) for item in batch]


def test_a_telephone_number_is_no_sum() -> None:
    text = "话务员：您好，12345。\n市民：押金两千八不退。我叫罗建国，电话一三七九四零二五五一八，白天别打。"
    [amount] = [element for element in extract(prepare(Complaint(text=text))) if element.name == "amount"]
    assert amount.value == 2_800
