"""Checks that every string field shares: no NUL, no lone surrogates, not blank."""

from pydantic import AfterValidator, StringConstraints

from data_contracts.faults import violation


def storable(value: str) -> str:
    """Refuse characters that no database or JSON reader can hold.

    Raises:
        PydanticCustomError: `text-nul` or `text-surrogate`.
    """
    if "\x00" in value:
        raise violation(
            "text-nul",
            "文本含空字符(U+0000)，请在发送前去除",
            "the text contains NUL characters; strip them before sending",
        )
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        raise violation(
            "text-surrogate",
            "文本含不成对的代理字符，请以正确的 UTF-8 编码发送",
            "the text contains lone surrogates; send valid UTF-8",
        )
    return value


def not_blank(value: str) -> str:
    """Refuse text without any visible character.

    Raises:
        PydanticCustomError: `text-blank`.
    """
    if not value.strip():
        raise violation("text-blank", "内容为空，请填写", "the value is blank; fill it in")
    return value


STORABLE = AfterValidator(storable)
FILLED = AfterValidator(lambda value: not_blank(storable(value)))
IDENTIFIER = StringConstraints(min_length=1, pattern=r"^[^\s\x00-\x1f\x7f]+$")
