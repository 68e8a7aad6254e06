"""pydantic's own validation errors in Chinese, so that every field problem speaks both languages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from data_contracts.problem import FieldProblem

_TOO_SHORT = "至少要有 {min_length} 项"
_CHINESE: dict[str, str] = {
    "missing": "缺少必填项",
    "extra_forbidden": "不认识的字段，请去掉或核对拼写",
    "json_invalid": "不是合法的 JSON",
    "json_type": "应为 JSON 文本",
    "model_type": "应为 JSON 对象",
    "model_attributes_type": "应为 JSON 对象",
    "dict_type": "应为 JSON 对象",
    "mapping_type": "应为 JSON 对象",
    "invalid_key": "字段名应为文本",
    "list_type": "应为数组",
    "tuple_type": "应为数组",
    "set_type": "应为数组",
    "iterable_type": "应为数组",
    "too_short": _TOO_SHORT,
    "too_long": "最多 {max_length} 项",
    "string_type": "应为文本",
    "string_unicode": "文本不是合法的 Unicode",
    "string_too_short": "至少 {min_length} 个字",
    "string_too_long": "最多 {max_length} 个字",
    "string_pattern_mismatch": "格式不符，应匹配 {pattern}",
    "literal_error": "只能取 {expected}",
    "enum": "只能取 {expected}",
    "none_required": "应为 null",
    "bool_type": "应为 true 或 false",
    "bool_parsing": "应为 true 或 false",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_parsing_size": "整数过大",
    "int_from_float": "应为整数，不能带小数",
    "float_type": "应为数字",
    "float_parsing": "应为数字",
    "finite_number": "应为有限的数字，不能是 NaN 或无穷",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "应不小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "应不大于 {le}",
    "multiple_of": "应为 {multiple_of} 的倍数",
    "date_type": "应为日期",
    "date_parsing": "应为日期，如 2026-04-15",
    "datetime_type": "应为时间，如 2026-04-15T09:12:00+08:00",
    "datetime_parsing": "应为时间，如 2026-04-15T09:12:00+08:00",
    "datetime_from_date_parsing": "应为时间，如 2026-04-15T09:12:00+08:00",
    "datetime_object_invalid": "时间不合法",
    "timezone_aware": "时间应带时区",
    "timezone_offset": "时区偏移不合要求",
    "uuid_type": "应为 UUID",
    "uuid_parsing": "应为 UUID，如 6f2f4a5e-7c1c-5b7e-9a55-0d6a3b1f2c3d",
    "uuid_version": "UUID 的版本不符",
    "url_parsing": "应为网址",
    "union_tag_invalid": "类型标记不认识",
    "union_tag_not_found": "缺少类型标记",
    "recursion_loop": "内容循环引用",
    "recursion_depth_exceeded": "嵌套过深",
    "value_error": "值不合要求",
    "assertion_error": "值不合要求",
}
_FALLBACK = "内容不合要求"
_BODY = "body"
ONE = "<one>"
MANY = "<many>"
"""Tags that tell one document from a list of them; pydantic puts them into the place of an error."""


def field_problems(errors: Iterable[Mapping[str, Any]], limit: int = 50) -> list[FieldProblem]:
    """Field problems of pydantic errors, in both languages; at most `limit` of them, the rest only repeats itself."""
    found: list[FieldProblem] = []
    for error in errors:
        if len(found) == limit:
            break
        zh, en = _words(error)
        found.append(FieldProblem(pointer=pointer(error["loc"]), code=_slug(str(error["type"])), zh=zh, en=en))
    return found


def pointer(place: Sequence[str | int]) -> str:
    """Where a field is: a JSON pointer (RFC 6901) into the body, or `query/name`, `path/name`, `header/name`."""
    if place and place[0] == _BODY:
        return "".join(f"/{_escaped(part)}" for part in place[1:] if part not in (ONE, MANY))
    return "/".join(str(part) for part in place)


def _words(error: Mapping[str, Any]) -> tuple[str, str]:
    context = error.get("ctx") or {}
    if "zh" in context and "en" in context:
        return str(context["zh"]), str(context["en"])
    template = _CHINESE.get(str(error["type"]), _FALLBACK)
    return template.format_map(_Lenient(context)), str(error.get("msg", "invalid"))


def _slug(code: str) -> str:
    return code.replace("_", "-")


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


class _Lenient(dict[str, Any]):
    """A template's missing value must never hide the problem itself."""

    def __missing__(self, key: str) -> str:
        return "…"
