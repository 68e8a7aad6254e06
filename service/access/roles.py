"""The one table of role and action."""

from typing import Literal, get_args

Action = Literal[
    "analyse",
    "answer.read",
    "answer.write",
    "audit.read",
    "case.read",
    "complaint.erase",
    "complaint.original",
    "complaint.read",
    "complaint.submit",
    "complaint.withdraw",
    "feed.read",
    "key.manage",
    "label.read",
    "label.write",
    "metrics.read",
    "model.read",
    "reference.read",
    "search",
]
ACTIONS: tuple[Action, ...] = get_args(Action)

_READS: frozenset[Action] = frozenset({"complaint.read", "answer.read", "search", "case.read", "reference.read"})

ROLE_ACTIONS: dict[str, frozenset[Action]] = {
    "hotline": frozenset(
        {"complaint.submit", "complaint.withdraw", "complaint.read", "answer.read", "analyse", "reference.read"}
    ),
    "collector": _READS | {"complaint.submit", "analyse"},
    "reviewer": _READS
    | {
        "complaint.submit",
        "complaint.withdraw",
        "complaint.original",
        "feed.read",
        "analyse",
        "label.read",
        "label.write",
    },
    "analyst": _READS | {"analyse", "model.read"},
    "trainer": _READS | {"analyse", "model.read", "label.read", "label.write"},
    "dashboard": frozenset({"search", "case.read", "feed.read", "model.read", "metrics.read", "reference.read"}),
    "centre": _READS | {"complaint.original", "feed.read", "analyse", "model.read"},
    "department": _READS | {"complaint.original", "answer.write"},
    "leader": _READS | {"feed.read"},
    "auditor": frozenset({"audit.read", "reference.read"}),
    "admin": frozenset(ACTIONS),
}
"""What each role may do; a role that is not here may do nothing."""


def allows(role: str, action: Action) -> bool:
    """Whether a role may do an action."""
    return action in ROLE_ACTIONS.get(role, frozenset())


def roles_for(action: Action) -> tuple[str, ...]:
    """The roles that may do an action, in the table's order."""
    return tuple(role for role, actions in ROLE_ACTIONS.items() if action in actions)
