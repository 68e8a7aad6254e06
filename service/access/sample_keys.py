"""The sample city's keys, one a role, in a file that only its owner reads."""

import json
from pathlib import Path

from service.access import keys
from service.access.roles import ROLE_ACTIONS
from service.store.crypto import write_secret
from service.store.engine import Sessions

FILE = "sample-keys.json"
OWNER = "云州市样例"
NOTE = "样例密钥，正式使用前请吊销"


def path_in(home: Path) -> Path:
    """Where the file lies in a home."""
    return home / "keys" / FILE


def read(home: Path) -> dict[str, str]:
    """The keys as shown (`id.secret`) by role; empty where no sample was loaded."""
    path = path_in(home)
    if not path.exists():
        return {}
    shown: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return shown


def ensure(home: Path, sessions: Sessions, pepper: bytes, scope: str) -> dict[str, str]:
    """Make the keys unless the file is there already.

    Args:
        home: the home's directory.
        sessions: the store.
        pepper: the home's HMAC key.
        scope: region path that all of them see.
    """
    held = read(home)
    if held:
        return held
    path = path_in(home)
    try:
        with sessions.begin() as session:
            shown = {
                role: keys.create(session, pepper, role=role, owner=OWNER, scope=scope, note=NOTE)
                for role in ROLE_ACTIONS
            }
            # Before the commit: keys that nobody can read would stay valid and useless.
            write_secret(path, json.dumps(shown, indent=2) + "\n")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return shown
