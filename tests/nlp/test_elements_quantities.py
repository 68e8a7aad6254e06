"""Candidates for sums and for people: what counts as one, and its value."""

import pytest

from nlp.elements.quantities import amount_candidates, feature_count, people_candidates, quantity_features


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("欠我工资12万元", [120_000]),
        ("押金三千块没退", [3_000]),
        ("一共花了三万二,没发票", [32_000]),
        ("集资1.2亿元", [120_000_000]),
        ("停车收了3块5", [3.5]),
        ("五百到八百元", [500, 800]),
        ("退了两千三,还差一万八", [2_300, 18_000]),
        ("骗了他们四百多万还不承认", [4_000_000]),
        ("市民:六千八。", [6_800]),
        ("补偿2000还要自己迁", [2_000]),
        ("每年1080", [1_080]),
        ("增高针两千一支", [2_000]),
    ],
)
def test_sums(text: str, values: list[float]) -> None:
    assert [candidate.value for candidate in amount_candidates(text)] == values


@pytest.mark.parametrize(
    "text",
    [
        "2026年3月5日下午",
        "住在6栋1203室",
        "12路公交车",
        "已经三个月了",
        "离楼7米",
        "电话13800001234",
        "3号楼2单元",
        "占地20亩",
        "千万不要",
        "您好,12345。",
        "我的号一三七九四零二五五一八",
        "户号零零二六八一四五七",
        "二零二三年的事",
        "12:30到的",
    ],
)
def test_what_is_no_sum(text: str) -> None:
    assert amount_candidates(text) == []


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("我们小区3000多户业主", [3_000]),
        ("班上十几个孩子发烧", [10]),
        ("涉及三百一十来户", [310]),
        ("四千多村民出行困难", [4_000]),
        ("上千人停水", [1_000]),
        ("工地38个人没拿到钱", [38]),
        ("老两口住一楼", [2]),
        ("车上坐了七八个娃", [7]),
        ("来了两三百人", [200]),
        ("我手底下三十来号人", [30]),
        ("坝上站了百把人", [100]),
        ("栈道上约百人", [100]),
    ],
)
def test_people(text: str, values: list[float]) -> None:
    assert [candidate.value for candidate in people_candidates(text)] == values


@pytest.mark.parametrize(
    "text", ["车位12万一个", "停水三个月", "两个小区之间", "跑了5个部门", "一家公司", "人行道坏了", "用了15个工作日"]
)
def test_what_counts_no_people(text: str) -> None:
    assert people_candidates(text) == []


def test_positions_lie_on_the_words() -> None:
    text = "望湖区某店收了我两千八百元押金"
    (candidate,) = amount_candidates(text)
    assert text[candidate.start : candidate.end] == "两千八百元"


def test_features_have_the_promised_shape() -> None:
    import numpy as np

    text = "一共欠三万,后来又说五万"
    found = amount_candidates(text)
    features = quantity_features("amount", text, found, body_start=0, agent=np.zeros(len(text), bool))
    assert features.shape == (2, feature_count("amount"))
    assert not np.array_equal(features[0], features[1])
