"""The directory YANPAN_HOME: everything that the service keeps, made ready by whoever comes first."""

import fcntl
import logging
import os
import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pydantic import SecretStr
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from service.settings import Settings
from service.store import schema
from service.store.crypto import FixedRing, KeyRing, KeyRingFile, KeySource, decode_key, write_secret
from service.store.embedded import EmbeddedPostgres
from service.store.engine import normal_url, open_engine
from service.store.regions import load_sample_if_empty

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Keys:
    """The secrets of one installation, 32 bytes each.

    Attributes:
        ring: seals and opens original texts.
        pepper: HMAC key under which API key secrets are kept.
        pseudonym: HMAC key that turns a user's name in an imported file into a pseudonym.
        digest: HMAC key of the digests that tell a changed text from the same one.
    """

    ring: KeySource
    pepper: bytes
    pseudonym: bytes
    digest: bytes


class Home:
    """The home of one installation; a context manager that starts and leaves the embedded PostgreSQL.

    Attributes:
        directory: the absolute path of the home.
        keys: available after `open`.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.directory = settings.home.expanduser().resolve()
        self._server: EmbeddedPostgres | None = None
        self._keys: Keys | None = None

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> Self:
        """Make directories and keys, start or reach the database, migrate it, load the regions.

        Raises:
            RuntimeError: the embedded server did not start.
            sqlalchemy.exc.OperationalError: the configured database cannot be reached.
        """
        self.prepare()
        try:
            if self.settings.database_url is None:
                self._server = EmbeddedPostgres(self.directory / "postgres")
                self._server.start()
            engine = self.engine(pool_size=1)
            try:
                schema.upgrade(engine)
                load_sample_if_empty(engine)
            finally:
                engine.dispose()
        except BaseException:
            self.close()
            raise
        return self

    def prepare(self) -> Keys:
        """Make the directories (0700) and the keys (0600), and read the keys; needs no database."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            for name in ("keys", "models"):
                (self.directory / name).mkdir(mode=0o700, exist_ok=True)
            self._keys = Keys(
                ring=self._ring(),
                pepper=self._secret("pepper", self.settings.key_pepper),
                pseudonym=self._secret("pseudonym", self.settings.pseudonym_key),
                digest=self._secret("digest", self.settings.digest_key),
            )
        return self._keys

    def close(self) -> None:
        """Leave the embedded PostgreSQL; it stops when nobody else uses it."""
        if self._server is not None:
            self._server.release()
            self._server = None

    @property
    def keys(self) -> Keys:
        """The installation's secrets."""
        return self._keys or self.prepare()

    @property
    def url(self) -> URL:
        """SQLAlchemy URL of the database."""
        if self.settings.database_url is not None:
            return normal_url(self.settings.database_url.get_secret_value())
        return normal_url(EmbeddedPostgres(self.directory / "postgres").url())

    @property
    def embedded(self) -> bool:
        """Whether the database is the home's own."""
        return self.settings.database_url is None

    def engine(self, pool_size: int | None = None) -> Engine:
        """A new engine on the database."""
        return open_engine(self.url, pool_size=pool_size or self.settings.pool_size)

    def _ring(self) -> KeySource:
        path = self.directory / "keys" / "keyring.json"
        if self.settings.encryption_key is None:
            if not path.exists():
                write_secret(path, KeyRing.fresh().to_json())
            return KeyRingFile(path)
        older = [decode_key(key.get_secret_value()) for key in self.settings.encryption_keys_old]
        ring = KeyRing.of(decode_key(self.settings.encryption_key.get_secret_value()), older)
        if path.exists():
            # A home that began with its own key still reads what was sealed with it.
            ring = KeyRing(ring.current, {**KeyRing.from_json(path.read_text(encoding="utf-8")).keys, **ring.keys})
        return FixedRing(ring)

    def _secret(self, name: str, given: SecretStr | None) -> bytes:
        if given is not None:
            return decode_key(given.get_secret_value())
        path = self.directory / "keys" / f"{name}.key"
        if not path.exists():
            write_secret(path, b64encode(secrets.token_bytes(32)).decode() + "\n")
        return decode_key(path.read_text(encoding="utf-8"))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.directory / "home.lock", os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def user_pseudonym(key: bytes, user: str) -> str:
    """The pseudonym of a user's name or number: HMAC-SHA256 under the home's key, 32 hex digits."""
    import hashlib
    import hmac

    return hmac.new(key, user.strip().encode(), hashlib.sha256).hexdigest()[:32]
