"""Every fault that the service tells its callers: status, stable type, and words in both languages."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from data_contracts.problem import FieldProblem, Problem

PROBLEM_PREFIX = "urn:yanpan:problem:"


class Fault(Exception):  # noqa: N818 - faults are told to callers, not only raised
    """Something that the caller is told as a problem document (RFC 9457).

    Attributes:
        status: HTTP status.
        type: stable slug; programs may switch on it, so it never changes its meaning.
        title: short name of the problem, in Chinese.
        zh: what happened and what to do, in Chinese.
        en: the same in English.
        headers: HTTP headers that go with the answer, e.g. `Retry-After`.
        errors: the fields that are wrong, where fields are.
        members: extension members of the problem document, e.g. the versions of a conflict.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal"
    title: ClassVar[str] = "内部错误"

    def __init__(
        self,
        zh: str,
        en: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldProblem] = (),
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{zh} / {en}")
        self.zh = zh
        self.en = en
        self.headers = dict(headers or {})
        self.errors = list(errors)
        self.members = dict(members or {})

    def problem(self, instance: str | None = None) -> dict[str, Any]:
        """The problem document, ready for JSON.

        Args:
            instance: the request id, so that a caller's report finds the log line.
        """
        document = Problem(
            type=PROBLEM_PREFIX + self.type,
            title=self.title,
            status=self.status,
            detail=self.zh,
            detail_en=self.en,
            instance=instance,
            errors=self.errors,
        )
        return {**self.members, **document.model_dump(mode="json")}


class BadRequest(Fault):
    """The request cannot be read at all; subclasses say why."""

    status, type, title = 400, "bad-request", "请求无法读取"


class MalformedJson(BadRequest):
    """The body is not JSON."""

    type, title = "malformed-json", "JSON 格式错误"


class InvalidEncoding(BadRequest):
    """The body is not UTF-8."""

    type, title = "invalid-encoding", "编码错误"


class JsonTooDeep(BadRequest):
    """The body is nested deeper than any contract needs."""

    type, title = "json-too-deep", "JSON 嵌套过深"


class Unauthenticated(Fault):
    """No key, or one that is unknown, revoked or expired; which of them is not told."""

    status, type, title = 401, "unauthenticated", "缺少有效密钥"

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh, en, headers={"WWW-Authenticate": 'Bearer realm="yanpan"'})


class Forbidden(Fault):
    """The key's role does not allow the action."""

    status, type, title = 403, "forbidden", "没有权限"


class RegionForbidden(Forbidden):
    """The region lies outside the key's subtree."""

    type, title = "region-forbidden", "超出辖区"


class NotFound(Fault):
    """No such thing, or none within the key's region: the two are not told apart."""

    status, type, title = 404, "not-found", "未找到"


class MethodNotAllowed(Fault):
    """The address exists, the method does not."""

    status, type, title = 405, "method-not-allowed", "方法不允许"


class Conflict(Fault):
    """What is asked does not fit the state of the thing."""

    status, type, title = 409, "conflict", "状态冲突"


class VersionConflict(Conflict):
    """The same source and external id were sent before with another body."""

    type, title = "version-conflict", "同一编号内容不同"

    def __init__(self, zh: str, en: str, *, complaint_id: str, versions: Sequence[int]) -> None:
        super().__init__(zh, en, members={"complaint_id": complaint_id, "versions": list(versions)})


class IdTaken(Conflict):
    """The same source and external id belong to a complaint of another region, of which nothing is told."""

    type, title = "id-taken", "编号已被使用"


class IdempotencyConflict(Conflict):
    """An Idempotency-Key was used again for another request."""

    type, title = "idempotency-conflict", "幂等键重复使用"


class Withdrawn(Conflict):
    """The complaint was withdrawn and takes no more changes."""

    type, title = "withdrawn", "诉求已撤回"


class Erased(Fault):
    """The complaint was erased; nothing of it is left."""

    status, type, title = 410, "erased", "诉求已清除"


class TooLarge(Fault):
    """The body, or one line of it, exceeds its limit."""

    status, type, title = 413, "too-large", "内容过大"


class UnsupportedMedia(Fault):
    """The content type is not one that the route reads."""

    status, type, title = 415, "unsupported-media-type", "内容类型不支持"


class Invalid(Fault):
    """The request can be read and breaks the contract; `errors` names the fields."""

    status, type, title = 422, "invalid-request", "请求内容不合要求"


class RegionUnknown(Invalid):
    """A region that the tree does not have, or a name that several regions share."""

    type, title = "region-unknown", "区划不存在"


class CursorInvalid(Invalid):
    """A cursor that this service did not give, or gave for another query."""

    type, title = "cursor-invalid", "翻页游标无效"


class TooMany(Fault):
    """The key has used up its requests of this minute."""

    status, type, title = 429, "too-many-requests", "请求过于频繁"


class Internal(Fault):
    """A defect of the service; the request id finds it in the log."""

    status, type, title = 500, "internal", "内部错误"


class Unavailable(Fault):
    """A part that the request needs is away for now; the same request may be sent again."""

    status, type, title = 503, "unavailable", "服务暂不可用"

    def __init__(self, zh: str, en: str, *, retry_after: int = 5) -> None:
        super().__init__(zh, en, headers={"Retry-After": str(retry_after)})


class StoreUnavailable(Unavailable):
    """The database is away; nothing that was acknowledged is lost."""

    type, title = "store-unavailable", "数据库暂不可用"


class SearchUnavailable(Unavailable):
    """The search engine is away."""

    type, title = "search-unavailable", "检索暂不可用"


class ModelUnavailable(Unavailable):
    """No model package is loaded."""

    type, title = "model-unavailable", "模型暂不可用"
