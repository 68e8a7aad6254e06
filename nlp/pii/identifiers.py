"""Finds plates, mail addresses, chat accounts and room numbers."""

import re

from nlp.pii.masks import RawMask

_PROVINCES = "京津沪渝冀晋蒙辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云黔滇藏陕甘青宁新"
_SPOKEN = "零〇一二三四五六七八九幺么洞拐"
_PLATE_DIGITS = dict(zip(_SPOKEN, "001234567891107", strict=True))
_TAIL = (
    rf"[ ·.\-]?(?:[A-HJ-NP-Z0-9]{{4,6}}|[A-HJ-NP-Z0-9{_SPOKEN}]{{4,6}}(?![{_SPOKEN}]))[挂学警港澳使领]?(?![A-Za-z0-9])"
)
_PLATE = re.compile(rf"[{_PROVINCES}][ ·]?[A-Z]{_TAIL}", re.IGNORECASE)
_PLATE_OF_NOWHERE = re.compile(
    r"[\u4e00-\u9fa5][A-Z](?:·(?=[A-Z0-9]*[0-9])|(?=[A-Z0-9]*[0-9][A-Z0-9]*[0-9]))[A-HJ-NP-Z0-9]{5,6}[挂学警]?(?![A-Za-z0-9\-])"
)
"""Any character before the letter: with a dot always, without one where a vehicle is spoken of."""
_VEHICLE = re.compile(r"车|牌|摩托|面包|货柜")
_VEHICLE_REACH = 30
_PLATE_AFTER_CUE = re.compile(
    rf"(?:车牌号?码?|车号|牌照)[^\n。;]{{0,8}}?"
    rf"([\u4e00-\u9fa5][ ·]?[A-Z]{_TAIL}|(?=[A-Z0-9·\u4e00-\u9fa5]*[0-9])[\u4e00-\u9fa5]{{0,2}}[A-Z0-9][ ·]?[A-Z0-9]{{5,6}}(?![A-Za-z0-9]))",
    re.IGNORECASE,
)

_LATIN = re.compile(r"[A-Za-z]")
_MAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_WECHAT = re.compile(
    r"(?:微信号?码?|薇信|威信|(?<![A-Za-z])(?:[Vv][Xx]|[Ww][Xx])|[Vv]信|加[Vv])(?:号码?|账号|id|ID)?"
    r"(?:[是为叫: ,(\"“]*(?!https?)([A-Za-z][A-Za-z0-9_\-]{4,24})"
    r"|[^\n。;A-Za-z0-9]{0,6}?((?=[A-Za-z0-9\-]*[A-Za-z_])(?=[A-Za-z0-9_\-]*[\d_])(?!https?)[A-Za-z0-9][A-Za-z0-9_\-]{4,25}))"
)
_QQ = re.compile(r"(?:[Qq]{2}|扣扣)(?:号码?|群)?[是为:： ,，(（]*([1-9]\d{4,11})")
_ROOM_NUMBER = r"(?:[A-Z]?\d{1,2}0\d|[A-Z]?[1-9]\d{2,3}|[一二三四五六七八九十幺][零〇一二三四五六七八九十幺]{2,3})"
_ROOM = re.compile(
    rf"(?<![0-9A-Za-z.])({_ROOM_NUMBER}(?:室|房(?:间|号)?(?![0-9产屋价东租管卡补贷])))"
    r"|(?:房号|门牌号?|室号)(?:是|为|:| )*(\d{3,4})(?!\d)"
    rf"|(?:(?<=[栋幢])|(?<=[A-Z0-9甲乙丙丁]座))(?:[一二三四五六七八九十\d]{{1,3}}单元)?[ \-]?({_ROOM_NUMBER}室?)(?![0-9年月日号栋幢米平户元块万人个层楼吨%])"
    rf"|(?<=单元)[ \-]?({_ROOM_NUMBER}室?)(?![0-9年月日号栋幢米平户元块万人个层楼吨%])"
)


def find_identifiers(text: str) -> list[RawMask]:
    """Masks of plates, mail addresses, WeChat and QQ accounts and rooms in a normalised text."""
    masks: list[RawMask] = []
    if _LATIN.search(text):
        if "@" in text:
            masks.extend(RawMask(*match.span(), "email") for match in _MAIL.finditer(text))
        masks.extend(_plates(text))
        masks.extend(RawMask(*match.span(match.lastindex or 1), "wechat") for match in _WECHAT.finditer(text))
    masks.extend(RawMask(*match.span(1), "qq", match.group(1)[-2:]) for match in _QQ.finditer(text))
    if any(char in text for char in "室房栋幢座"):
        masks.extend(_rooms(text))
    return masks


def _plates(text: str) -> list[RawMask]:
    spans = {match.span() for match in _PLATE.finditer(text)}
    for match in _PLATE_OF_NOWHERE.finditer(text):
        start = match.start()
        if "·" in match.group() or _VEHICLE.search(text, max(0, start - _VEHICLE_REACH), start):
            spans.add(match.span())
    spans |= {match.span(1) for match in _PLATE_AFTER_CUE.finditer(text)}
    for start, end in list(spans):
        # The letters and digits are often said again without the province.
        bare = text[start + 1 : end]
        spans |= {match.span() for match in re.finditer(re.escape(bare), text) if match.start() != start + 1}
    return [_plate(text, start, end) for start, end in sorted(spans)]


def _plate(text: str, start: int, end: int) -> RawMask:
    characters = [_PLATE_DIGITS.get(char, char.upper()) for char in text[start:end] if char.isalnum()]
    return RawMask(start, end, "plate", "".join(characters)[-2:])


def _rooms(text: str) -> list[RawMask]:
    masks = []
    for match in _ROOM.finditer(text):
        group = match.lastindex or 1
        masks.append(RawMask(*match.span(group), "room"))
    return masks
