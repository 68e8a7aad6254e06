"""One row of a file, whatever the format, as a complaint and perhaps an answer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import orjson
from pydantic import ValidationError

from data_contracts.complaint import Answer, Complaint
from data_contracts.taxonomy import taxonomy
from service.errors import RegionUnknown
from service.http.translate import field_problems

FIELDS = ("id", "title", "text", "channel", "time", "region", "turns", "likes", "user", "reply", "reply_time")
"""What a row may hold; a mapping names the columns of files that call them otherwise."""
UNKNOWN_OFFICE = "未注明"
_SPEAKERS = {
    "agent": "agent", "话务员": "agent", "坐席": "agent", "接线员": "agent", "客服": "agent",
    "citizen": "citizen", "市民": "citizen", "来电人": "citizen", "群众": "citizen", "诉求人": "citizen",
}  # fmt: skip
_CHANNELS = {"电话": "hotline", "12345": "hotline", "来电": "hotline", "网站": "app", "留言": "app", "来信": "petition"}
_TIME = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s]*(\d{1,2})[:：时](\d{1,2})?(?:[:：分](\d{1,2}))?.*)?"
)
_OFFICE = re.compile(
    r"[\u4e00-\u9fa5A-Z0-9]{1,24}?(?:局|委员会|办公室|管委会|人民政府|区政府|县政府|镇政府|乡政府|街道办事处|街道办|服务中心|管理中心|公司|大队|支队|"
    r"集团|医院|学院|管理处)(?!长|部)"
)
_NO_NAME = re.compile(
    r".*(?:转交至?|转至|转给|移交|已转|交由|由|向|拨打|拔打|致电|电话|咨询|联系|感谢|对|经|请|您|你|我|本|该|贵|的|问题|留言|来帖|发帖|网友|好|给|于|到|在|"
    r"从|会同|组织|要求|协调|督促|是|至|以|根据|依据|建议|询问|反映|配合|立即|并就|所辖|或|0{4,})"
)
"""What stands before an office's name and is none of it."""
_NOBODY = re.compile(
    r"(?:各|相关|有关|上级|主管|当地|职能|责任|[市区县镇乡]?(?:局|公司|委员会|办公室|医院|学院|集团|大队|支队)$)"
)


class RowFault(Exception):  # noqa: N818 - a fault of the row, told to its sender
    """A row that cannot become a complaint; both languages."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.code, self.zh, self.en = code, zh, en


@dataclass(frozen=True)
class Mapped:
    """How the rows of one file are read.

    Attributes:
        columns: field -> column, for fields whose column has another name.
        source: source system of every row.
        channel, region: for rows that name none.
        pseudonym: turns a user into a pseudonym; without it users are left out.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    source: str = "default"
    channel: str | None = None
    region: str | None = None
    pseudonym: Callable[[str], str] | None = None

    def read(self, row: object) -> tuple[Complaint, Answer | None]:
        """A row as a complaint and the answer that it got.

        Raises:
            RowFault: the row lacks something or holds what cannot be read.
            pydantic.ValidationError: it breaks the contract.
        """
        if not isinstance(row, dict):
            raise RowFault("row-not-an-object", "这一行不是一个对象", "the line is not a JSON object")
        values = {name: row.get(self.columns.get(name, name)) for name in FIELDS}
        values = {name: value for name, value in values.items() if not _blank(value)}
        if "id" not in values:
            raise RowFault("id-missing", "缺少 id 列", "the column id is missing")
        fields: dict[str, Any] = {"source": self.source, "external_id": _plain(values["id"])}
        fields.update(_body(values))
        if (channel := values.get("channel", self.channel)) is not None:
            fields["channel"] = _channel(str(channel))
        if "time" in values:
            fields["received_at"] = parse_time(values["time"])
        if (region := values.get("region", self.region)) is not None:
            fields["region"] = _plain(region)
        if "likes" in values:
            fields["likes"] = _likes(values["likes"])
        if "user" in values and self.pseudonym is not None:
            fields["reporter"] = self.pseudonym(str(values["user"]))
        complaint = Complaint.model_validate(fields)
        return complaint, _answer(values, complaint)


def for_analysis(row: object) -> Complaint:
    """A row of a file that is only analysed: region and user play no part, an unknown channel is `other`.

    Raises:
        RowFault, pydantic.ValidationError: as `Mapped.read`.
    """
    if isinstance(row, dict):
        known = taxonomy("channel").find(str(row.get("channel")))
        kept = ("id", "title", "text", "time", "turns")
        row = {**{name: row.get(name) for name in kept}, "channel": known.code if known else None}
    return Mapped().read(row)[0]


def describe(error: Exception) -> dict[str, str]:
    """What is wrong with a row, for a reject file or a result line: code, zh, en."""
    if isinstance(error, ValidationError):
        problems = field_problems(error.errors(include_url=False, include_input=False))
        return {
            "code": problems[0].code,
            "zh": "；".join(f"{problem.pointer}：{problem.zh}" for problem in problems[:5]),
            "en": "; ".join(f"{problem.pointer}: {problem.en}" for problem in problems[:5]),
        }
    if isinstance(error, orjson.JSONDecodeError):
        return {"code": "malformed-json", "zh": "这一行不是合法的 UTF-8 JSON", "en": "the line is not valid UTF-8 JSON"}
    if isinstance(error, RegionUnknown):
        # Its own words repeat what stands in the column, which may be the wrong one.
        return {
            "code": error.type,
            "zh": "区划不存在或不唯一，请用区划代码或全称",
            "en": "the region is unknown or ambiguous; use an administrative code or a full name",
        }
    return {
        "code": str(getattr(error, "code", getattr(error, "type", "fault"))),
        "zh": str(getattr(error, "zh", error)),
        "en": str(getattr(error, "en", error)),
    }


def parse_time(value: object) -> datetime:
    """A time as files write it: ISO, with slashes or Chinese units, or a spreadsheet's own.

    Raises:
        RowFault: it cannot be read.
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    text = str(value).strip()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    if found := _TIME.fullmatch(text):
        try:
            return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]
        except ValueError:
            pass
    raise RowFault(
        "time-unreadable",
        "时间无法识别，请用 2026-04-15 09:30:00 的形式",
        "the time is unreadable; write it like 2026-04-15 09:30:00",
    )


def office_of(reply: str) -> str:
    """The office that a reply plainly names at its head or in its signature; otherwise unknown."""
    lines = [line.strip() for line in reply.strip().splitlines() if line.strip()]
    for part, last in ((lines[-1][-40:], True), (lines[0][:60], False)) if lines else ():
        named = [name for match in _OFFICE.finditer(part) if (name := _office_name(match.group()))]
        if named:
            return named[-1] if last else named[0]
    return UNKNOWN_OFFICE


def _office_name(found: str) -> str | None:
    """The name at the end of a stretch, without the words before it; None where these leave no name."""
    suffix = found[-2:]
    name = _NO_NAME.sub("", found[:-2]) + suffix
    return name if len(name) > 3 and not _NOBODY.match(name) else None


def _body(values: Mapping[str, Any]) -> dict[str, Any]:
    title = _text(values.get("title"))
    if "turns" in values:
        return {"turns": _turns(values["turns"]), **({"title": title} if title else {})}
    text = _text(values.get("text"))
    if text is None:
        if title is None:
            raise RowFault("text-missing", "缺少 text 列或内容为空", "the column text is missing or blank")
        return {"text": title}
    return {"text": text, **({"title": title} if title else {})}


def _turns(value: object) -> list[dict[str, Any]]:
    try:
        turns = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        turns = None
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise RowFault("turns-unreadable", "turns 应为轮次的列表", "turns must be a list of turns")
    kept = ("speaker", "text", "offset")
    read = [{name: turn[name] for name in kept if turn.get(name) is not None} for turn in turns]
    for turn in read:
        turn["speaker"] = _SPEAKERS.get(str(turn.get("speaker")), turn.get("speaker"))
    return read


def _channel(value: str) -> str:
    name = value.strip()
    if entry := taxonomy("channel").find(name):
        return entry.code
    if name in _CHANNELS:
        return _CHANNELS[name]
    known = "、".join(taxonomy("channel").codes)
    raise RowFault("channel-unknown", f"渠道不认识，可用：{known}", f"unknown channel; use one of {known}")


def _likes(value: object) -> int:
    try:
        return max(0, int(float(str(value))))
    except (ValueError, OverflowError):
        raise RowFault("likes-unreadable", "likes 应为整数", "likes must be an integer") from None


def _answer(values: Mapping[str, Any], complaint: Complaint) -> Answer | None:
    reply = _text(values.get("reply"))
    if reply is None:
        return None
    when = parse_time(values["reply_time"]) if "reply_time" in values else complaint.received_at
    return Answer(office=office_of(reply), answered_at=when, text=reply)


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else _plain(value)
    return text if text.strip() else None


def _plain(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value != value  # noqa: PLR0124 - NaN
