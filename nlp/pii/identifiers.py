"""Finds plates, mail addresses, chat accounts and room numbers."""

import re

from nlp.pii.masks import RawMask

_PROVINCES = "京津沪渝冀晋蒙辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云黔滇藏陕甘青宁新"
_SPOKEN = "零〇一二三四五六七八九幺么洞拐两"
_PLATE_TAIL = rf"[ ·.\-]?[A-HJ-NP-Z0-9{_SPOKEN}]{{4,6}}[挂学警港澳使领]?(?![A-Za-z0-9{_SPOKEN}])"
_PLATE = re.compile(rf"[{_PROVINCES}][ ·]?[A-Z]{_PLATE_TAIL}", re.IGNORECASE)
_PLATE_AFTER_CUE = re.compile(
    rf"(?:车牌号?码?|车号|牌照)[^\n。；;]{{0,8}}?([\u4e00-\u9fa5][ ·]?[A-Z]{_PLATE_TAIL}|[A-Z][ ·]?[A-Z0-9]{{5,6}}(?![A-Za-z0-9]))",
    re.IGNORECASE,
)
_PLATE_ANYWHERE = re.compile(r"[\u4e00-\u9fa5][A-Z]·?(?=[A-Z0-9·]*[0-9])[A-HJ-NP-Z0-9]{5,6}[挂学警]?(?![A-Za-z0-9])")
_PLATE_DIGITS = dict(zip(_SPOKEN, "0012345678911072", strict=True))

_MAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_WECHAT = re.compile(
    r"(?:微信号?码?|薇信|威信|[Vv][Xx]|[Ww][Xx]|[Vv]信|加[Vv])(?:(?:号|账号|id|ID)?[是为叫:： ,，(（]*|[^\n。；;A-Za-z0-9]{0,6}?)"
    r"([A-Za-z][A-Za-z0-9_\-]{4,24}|(?=[A-Za-z0-9_\-]*\d)[A-Za-z0-9_\-]{5,25})"
)
_QQ = re.compile(r"(?:[Qq]{2}|扣扣)(?:号码?|群)?[是为:： ,，(（]*([1-9]\d{4,11})")
_ROOM = re.compile(
    r"(?<![0-9A-Za-z.])((?:[A-Z]?\d{1,2}0\d|[A-Z]?[1-9]\d{2,3})|[一二三四五六七八九十][零〇一二三四五六七八九十]{2,3})(?:室|房间?(?![0-9产屋价东租]))"
    r"|(?:房号|门牌|室号)(?:是|为|:|：| )*(\d{3,4})"
    r"|(?<=[栋幢座])(?:[一二三四五六七八九十\d]{1,3}单元)?[ ]?(\d{3,4})(?![0-9年月日号栋幢米平户元块万人个层楼%])"
)


def find_identifiers(text: str) -> list[RawMask]:
    """Masks of plates, mail addresses, WeChat and QQ accounts and rooms in a normalised text."""
    masks: list[RawMask] = []
    if "@" in text:
        masks.extend(RawMask(*match.span(), "email") for match in _MAIL.finditer(text))
    masks.extend(_plates(text))
    masks.extend(RawMask(*match.span(1), "wechat") for match in _WECHAT.finditer(text))
    masks.extend(RawMask(*match.span(1), "qq", match.group(1)[-2:]) for match in _QQ.finditer(text))
    masks.extend(_rooms(text))
    return masks


def _plates(text: str) -> list[RawMask]:
    masks = [_plate(text, *match.span()) for match in _PLATE.finditer(text)]
    masks.extend(_plate(text, *match.span()) for match in _PLATE_ANYWHERE.finditer(text))
    masks.extend(_plate(text, *match.span(1)) for match in _PLATE_AFTER_CUE.finditer(text))
    return masks


def _plate(text: str, start: int, end: int) -> RawMask:
    characters = [_PLATE_DIGITS.get(char, char.upper()) for char in text[start:end] if char.isalnum()]
    return RawMask(start, end, "plate", "".join(characters)[-2:])


def _rooms(text: str) -> list[RawMask]:
    masks = []
    for match in _ROOM.finditer(text):
        group = match.lastindex or 1
        masks.append(RawMask(*match.span(group), "room"))
    return masks
