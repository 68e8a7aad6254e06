"""Keywords say what a text is about, and never who or which number."""

from data_contracts.complaint import Complaint
from nlp.keywords import TOP, keywords
from nlp.prepare import prepare
from nlp.segment import segmenter


def of(text: str) -> list[str]:
    return keywords(segmenter().cut(prepare(Complaint(text=text)).model_text))


def test_the_matter_comes_first() -> None:
    found = of("烧烤店油烟扰民，油烟直排到我家窗户，烧烤店老板说油烟净化器坏了，城管来过一次。")
    assert set(found[:4]) & {"油烟", "烧烤店", "烧烤"}
    assert len(found) <= TOP


def test_neither_names_nor_numbers_nor_tags() -> None:
    found = of("我叫孟庆丰，电话13907120578，车牌鄂A12345，物业公司欠我3000元工资不给。")
    assert found
    assert not any(char.isdigit() for word in found for char in word)
    assert not {"孟庆丰", "庆丰", "姓名", "手机号", "车牌号"} & set(found)


def test_empty_and_short() -> None:
    assert keywords([]) == []
    assert keywords(["的", "了", "。"]) == []
    assert len(keywords(["停水", "噪音", "垃圾", "电梯"], top=2)) == 2
