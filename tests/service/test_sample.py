import csv
import json
import re
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from data_contracts import Complaint
from data_contracts.region import sample_regions
from data_contracts.times import LOCAL

SAMPLE = Path(__file__).parents[2] / "service" / "sample"
EVENTS = Path(__file__).parent / "data" / "yunzhou_events.csv"
FIELDS = {"id", "channel", "time", "region", "title", "text", "turns", "likes", "user", "reply", "reply_time"}
REAL_CITIES = [
    "北京",
    "上海",
    "天津",
    "重庆",
    "广州",
    "深圳",
    "武汉",
    "长沙",
    "成都",
    "南京",
    "杭州",
    "西安",
    "合肥",
    "郑州",
    "济南",
    "沈阳",
    "苏州",
    "宁波",
    "青岛",
    "厦门",
    "福州",
    "南昌",
    "昆明",
    "贵阳",
    "太原",
    "大同",
    "哈尔滨",
    "长春",
    "石家庄",
    "兰州",
    "南宁",
    "海口",
    "大连",
    "无锡",
    "芜湖",
    "宜昌",
]
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

Row = dict[str, Any]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    lines = (SAMPLE / "yunzhou.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def events() -> dict[str, str]:
    with EVENTS.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["event"] for row in csv.DictReader(file)}


def complaint(row: Row) -> Complaint:
    fields = {name: row[name] for name in ("channel", "region", "title", "text", "turns", "likes") if name in row}
    return Complaint.model_validate(fields | {"external_id": row["id"], "received_at": row["time"]})


def words(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False)


def has_luhn(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def test_every_line_is_a_complaint(rows: list[Row]) -> None:
    assert len(rows) == 300
    assert all(set(row) <= FIELDS for row in rows)
    assert [complaint(row).external_id for row in rows] == [f"YZ-{number:04d}" for number in range(1, 301)]


def test_every_region_is_one_of_the_sample_city(rows: list[Row]) -> None:
    regions = sample_regions()
    levels = Counter(regions.resolve(row["region"]).level for row in rows if "region" in row)
    assert levels["township"] > levels["county"] > 0
    assert 5 <= sum("region" not in row for row in rows) <= 30


def test_the_channels_are_mixed_as_promised(rows: list[Row]) -> None:
    counts = Counter(row["channel"] for row in rows)
    assert counts == {"hotline": 110, "app": 76, "wechat": 45, "petition": 35, "grid": 34}
    hotline = [row for row in rows if row["channel"] == "hotline"]
    assert sum("turns" in row for row in hotline) == 60
    assert sum("\n市民：" in row.get("text", "") for row in hotline) == 40
    assert not any("title" in row for row in hotline)
    assert all("title" in row for row in rows if row["channel"] == "petition")


def test_only_the_app_has_likes(rows: list[Row]) -> None:
    assert {row["channel"] for row in rows if "likes" in row} == {"app"}


def test_the_turns_of_a_call_follow_each_other(rows: list[Row]) -> None:
    calls = [row["turns"] for row in rows if "turns" in row]
    assert all(turn["offset"] < following["offset"] for call in calls for turn, following in pairwise(call))
    assert all({turn["speaker"] for turn in call} == {"agent", "citizen"} for call in calls)


def test_times_are_in_order_and_within_six_weeks(rows: list[Row]) -> None:
    times = [datetime.fromisoformat(row["time"]) for row in rows]
    assert times == sorted(times)
    assert datetime(2026, 3, 1) <= times[0]
    assert times[-1] < datetime(2026, 4, 16)
    assert len({time.date() for time in times}) == 46
    assert Counter(1 <= time.hour <= 5 for time in times)[True] < 10
    assert complaint(rows[0]).received_at.tzinfo is LOCAL


def test_answers_come_later_and_are_signed(rows: list[Row]) -> None:
    answered = [row for row in rows if "reply" in row]
    assert len(answered) == 90
    assert all(row["reply_time"] > row["time"] for row in answered)
    assert not any("reply_time" in row for row in rows if "reply" not in row)
    office = re.compile(r"(局|委员会|办公室|管委会|政府|办事处|中心|公司|大队|集团|管理处|司法所|值班长)。?$")
    assert [row["id"] for row in answered if not office.search(row["reply"])] == []


def test_users_are_codes_and_some_come_again(rows: list[Row]) -> None:
    users = Counter(row["user"] for row in rows if "user" in row)
    assert all(re.fullmatch(r"U\d{4}", user) for user in users)
    assert sum(count > 1 for count in users.values()) >= 4


def test_no_real_city_is_named(rows: list[Row]) -> None:
    assert [(row["id"], city) for row in rows for city in REAL_CITIES if city in words(row)] == []


def test_id_card_numbers_are_well_formed_and_of_the_sample_city(rows: list[Row]) -> None:
    found = [number for row in rows for number in re.findall(r"(?<!\d)\d{17}[\dX](?![\dX])", words(row))]
    assert len(found) >= 10
    for number in found:
        total = sum(int(digit) * weight for digit, weight in zip(number, ID_WEIGHTS, strict=False))
        assert number[-1] == "10X98765432"[total % 11]
        assert number.startswith("9901")


def test_bank_cards_pass_luhn_and_plates_have_no_real_prefix(rows: list[Row]) -> None:
    cards = [card for row in rows for card in re.findall(r"(?<!\d)(?:\d ?){18}\d(?!\d)", words(row))]
    assert len(cards) >= 2
    assert all(has_luhn(card.replace(" ", "")) for card in cards)
    plates = [
        plate for row in rows for plate in re.findall(r"[\u4e00-\u9fa5]([A-Z]) ?[A-Z0-9]{5,6}(?![A-Z0-9])", words(row))
    ]
    assert len(plates) >= 10
    assert set(plates) == {"Z"}


def test_mobiles_are_of_an_unused_block(rows: list[Row]) -> None:
    mobiles = [m for row in rows for m in re.findall(r"(?<!\d)1[3-9]\d ?\d{4} ?\d{4}(?!\d)", words(row))]
    assert len(mobiles) >= 15
    assert all(mobile.replace(" ", "")[3:7] == "0000" for mobile in mobiles)


def test_many_events_are_told_by_several_people(rows: list[Row], events: dict[str, str]) -> None:
    by_id = {row["id"]: row for row in rows}
    assert set(events) <= set(by_id)
    sizes = Counter(events.values())
    assert len(sizes) >= 25
    assert all(2 <= size <= 10 for size in sizes.values())
    told_on = {event: {by_id[i]["channel"] for i, name in events.items() if name == event} for event in sizes}
    assert sum(len(channels) > 1 for channels in told_on.values()) >= 25


def test_some_texts_are_reposted(rows: list[Row], events: dict[str, str]) -> None:
    texts: dict[str, list[str]] = {}
    for row in rows:
        texts.setdefault(complaint(row).body, []).append(row["id"])
    again = [ids for ids in texts.values() if len(ids) > 1]
    assert len(again) >= 2
    assert all(len({events[i] for i in ids}) == 1 for ids in again)


def test_the_readme_tells_the_counts(rows: list[Row], events: dict[str, str]) -> None:
    readme = (SAMPLE / "README.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| .+? \| `(\w+)` \| (\d+) \|", readme, flags=re.MULTILINE))
    assert {channel: int(count) for channel, count in table.items()} == Counter(row["channel"] for row in rows)
    listed = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", readme, flags=re.MULTILINE))
    assert {event: int(count) for event, count in listed.items()} == Counter(events.values())
