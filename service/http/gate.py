"""Lets a request in: who holds its key, may the role do this, and has the key requests left."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from data_contracts.taxonomy import taxonomy
from service.access.keys import KeyCheck
from service.access.principal import Principal
from service.access.rate import RateLimit
from service.access.roles import Action, allows, roles_for
from service.errors import Forbidden, Unauthenticated


class Gate:
    """The one way in for every route that needs a key."""

    def __init__(self, keys: KeyCheck, rate: RateLimit) -> None:
        self.keys = keys
        self.rate = rate

    async def admit(self, request: Request, action: Action) -> Principal:
        """The holder of the request's key, if its role may do the action.

        Raises:
            Unauthenticated: no key, or one that is unknown, revoked or expired.
            TooMany: the key has no requests left in this minute.
            Forbidden: the role may not do this.
        """
        shown = presented(request)
        if shown is None:
            raise Unauthenticated(
                "请在请求头中给出密钥：Authorization: Bearer <编号.密钥>",
                "send a key in the header: Authorization: Bearer <id.secret>",
            )
        if self.keys.remembers(shown):
            principal = self.keys.check(shown)
        else:
            principal = await run_in_threadpool(self.keys.check, shown)
        if principal is None:
            raise Unauthenticated(
                "密钥无效、已吊销或已过期，请向管理员申请", "the key is unknown, revoked or expired; ask for a new one"
            )
        self.rate.hit(principal.key_id)
        require(principal, action)
        return principal


def require(principal: Principal, action: Action) -> None:
    """Let a role do only what the table says.

    Raises:
        Forbidden: the table says no; names the roles that may.
    """
    if allows(principal.role, action):
        return
    able = "、".join(taxonomy("role").label(role) for role in roles_for(action))
    raise Forbidden(
        f"角色“{taxonomy('role').label(principal.role)}”不能进行此操作，可用的角色：{able}",
        f"the role {principal.role} may not do this; these may: {', '.join(roles_for(action))}",
    )


def presented(request: Request) -> str | None:
    """The key of a request: `Authorization: Bearer id.secret`, or `X-API-Key: id.secret`."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return request.headers.get("x-api-key", "").strip() or None
