"""When it happened: time expressions as spans, with an ISO date or range where the day of receipt fixes them."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from data_contracts.analysis import Element
from data_contracts.times import LOCAL
from nlp.elements.numbers import parse_number
from nlp.prepare import Prepared

_N: Final = r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})"
_CLOCK: Final = rf"(?:(?:凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|半夜|深夜)?(?:{_N}(?:点|时)(?:半|{_N}分?|多|钟)*|\d{{1,2}}[:：]\d{{2}}))?"
_TIME: Final = re.compile(
    rf"(?P<full>(?P<y>(?:19|20)\d\d|二[〇零][一二三四五六七八九〇零]{{2}})[年./-](?P<m>{_N})(?:[月./-]份?(?P<d>{_N})[日号]?)?(?:月份?)?)"
    rf"|(?P<rel>今年|去年|前年|明年)(?:(?:的|农历)?(?P<rm>{_N}|腊|正|冬)月(?:份|(?P<rd>{_N})[日号])?)?"
    rf"|(?P<year>(?:19|20)\d\d)年(?:底|初)?"
    rf"|(?P<day>大前天|前天|昨天|昨日|昨晚|昨夜|今天|今日|今早|今晚|明天|后天)"
    rf"|(?P<month>这个月|本月|上个月|上月|下个月|下月)(?:(?P<md>{_N})[日号])?"
    rf"|(?P<week>上上周|上周|上个星期|上星期|上个礼拜|上礼拜|这周|本周|这个星期|这个礼拜|下周|下个星期|下个礼拜|下礼拜)(?P<wd>[一二三四五六日天末])?"
    rf"|(?P<md2>(?P<m2>{_N})月份?(?:(?P<d2>{_N})[日号])?)(?![个多租饼球亮])"
)
_SINCE: Final = re.compile(r"(?:份|以来|起|开始|至今|到现在|到今天)+")
_TAIL: Final = re.compile(_CLOCK)
_DAYS: Final = {
    "大前天": -3,
    "前天": -2,
    "昨天": -1,
    "昨日": -1,
    "昨晚": -1,
    "昨夜": -1,
    "今天": 0,
    "今日": 0,
    "今早": 0,
    "今晚": 0,
    "明天": 1,
    "后天": 2,
}
_YEARS: Final = {"前年": -2, "去年": -1, "今年": 0, "明年": 1}
_LUNAR: Final = frozenset("腊正冬")
_MOST: Final = 6


def times(prepared: Prepared) -> list[Element]:
    """Up to six time expressions in the order of the text.

    The value is an ISO 8601 date (2026-03-05), month (2026-03), year (2026) or open interval (2026-03/..); None where
    the words do not fix it (lunar months, a day that the calendar lacks).
    """
    today = prepared.complaint.received_at.astimezone(LOCAL).date()
    found = []
    for match in _TIME.finditer(prepared.normal):
        value = _value(match, today)
        end = match.end()
        clock = _TAIL.match(prepared.normal, end)
        end = clock.end() if clock else end
        since = _SINCE.match(prepared.normal, end)
        if since:
            end = since.end()
            value = f"{value}/.." if value else None
        found.append(Element(name="time", span=prepared.span(match.start(), end), value=value))
        if len(found) == _MOST:
            break
    return found


def _value(match: re.Match[str], today: date) -> str | None:
    readers: dict[str, Callable[[re.Match[str], date], str | None]] = {
        "full": _full, "rel": _relative_year, "year": lambda m, _: m["year"], "day": _day, "month": _month,
        "week": _week, "md2": _month_day,
    }  # fmt: skip
    return next((read(match, today) for name, read in readers.items() if match[name]), None)


def _full(match: re.Match[str], _: date) -> str | None:
    year = match["y"]
    if not year.isdigit():
        year = "".join(str("〇一二三四五六七八九".index(char.replace("零", "〇"))) for char in year)
    return _iso(int(year), match["m"], match["d"])


def _relative_year(match: re.Match[str], today: date) -> str | None:
    year = today.year + _YEARS[match["rel"]]
    if match["rm"] in _LUNAR:
        return None
    return _iso(year, match["rm"], match["rd"]) if match["rm"] else str(year)


def _day(match: re.Match[str], today: date) -> str:
    return (today + timedelta(days=_DAYS[match["day"]])).isoformat()


def _month(match: re.Match[str], today: date) -> str | None:
    step = {"上": -1, "下": 1}.get(match["month"][0], 0)
    count = today.year * 12 + today.month - 1 + step
    return _iso(count // 12, str(count % 12 + 1), match["md"])


def _week(match: re.Match[str], today: date) -> str:
    words = match["week"]
    step = {"上": -1, "下": 1}.get(words[0], 0) * (2 if words.startswith("上上") else 1)
    monday = today - timedelta(days=today.weekday()) + timedelta(weeks=step)
    day = match["wd"]
    if day == "末":
        return f"{monday + timedelta(days=5)}/{monday + timedelta(days=6)}"
    if day:
        return (monday + timedelta(days="一二三四五六日".index(day.replace("天", "日")))).isoformat()
    return f"{monday}/{monday + timedelta(days=6)}"


def _month_day(match: re.Match[str], today: date) -> str | None:
    """A month without a year is the last one that is not after the day of receipt."""
    month = parse_number(match["m2"])
    if not month:
        return None
    return _iso(today.year if month <= today.month else today.year - 1, match["m2"], match["d2"])


def _iso(year: int, month: str, day: str | None) -> str | None:
    in_year = int(parse_number(month) or 0)
    if not 1 <= in_year <= 12:
        return None
    if day is None:
        return f"{year:04d}-{in_year:02d}"
    in_month = int(parse_number(day) or 0)
    return f"{year:04d}-{in_year:02d}-{in_month:02d}" if 1 <= in_month <= monthrange(year, in_year)[1] else None
