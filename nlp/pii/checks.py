"""Shapes and checksums of the numbers that identify people."""

import re
from datetime import date

_MOBILE = re.compile(r"(?:0{0,2}86)?0?(1[3-9]\d{9})")
_LANDLINE = re.compile(r"0(?:10|2\d|[3-9]\d{2})[1-9]\d{6,7}(?:\d{1,4})?")
_PUBLIC_LINE = re.compile(
    r"(?:0\d{2,3})?1(?:2345|23[0-9]{2}|1[0-9]|2[0-2])|1[012]\d|12[0-9]{3}|9[56]\d{3,6}|100\d{2}|[48]00\d{7}|116\d{2,3}|118\d{2,3}"
)
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"


def is_mobile(digits: str) -> bool:
    """Whether the digits are a mainland mobile number, with or without 86 before it."""
    return _MOBILE.fullmatch(digits) is not None


def is_landline(digits: str) -> bool:
    """Whether the digits are a landline with its area code, with or without an extension."""
    return _LANDLINE.fullmatch(digits) is not None


def is_public_line(digits: str) -> bool:
    """Whether the digits are a line that everybody may dial: emergency, 12345, 95-numbers, 400-numbers."""
    return _PUBLIC_LINE.fullmatch(digits) is not None


def has_birth_date(digits: str) -> bool:
    """Whether an 18-digit (or 15-digit) number carries a possible date of birth where an ID number has it."""
    if len(digits) == 15:
        year, month, day = 1900 + int(digits[6:8]), digits[8:10], digits[10:12]
    elif len(digits) == 18:
        year, month, day = int(digits[6:10]), digits[10:12], digits[12:14]
    else:
        return False
    if not 1900 <= year <= 2035:
        return False
    try:
        date(year, int(month), int(day))
    except ValueError:
        return False
    return True


def id_checksum_holds(digits: str) -> bool:
    """Whether the last character of an 18-digit ID number is right (GB 11643-1999, ISO 7064 MOD 11-2)."""
    if len(digits) != 18 or not digits[:17].isdigit():
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, digits[:17], strict=True))
    return _ID_CHECKS[total % 11] == digits[17]


def luhn_holds(digits: str) -> bool:
    """Whether the digits pass the Luhn check of bank cards (ISO/IEC 7812-1)."""
    if not digits.isdigit():
        return False
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
