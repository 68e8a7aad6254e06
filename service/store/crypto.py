"""Original texts at rest: AES-256-GCM under a key ring, and keyed digests that tell equal texts from changed ones."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyMissingError(LookupError):
    """A row names a key that the ring does not hold."""


class TamperedError(ValueError):
    """A sealed text does not belong to its row, or was changed."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed text: the key's id, and nonce (12 bytes) followed by ciphertext and tag."""

    key_id: str
    data: bytes


class KeyRing:
    """Keys by id; the current one seals, every one opens (AES-256-GCM, NIST SP 800-38D, random 96-bit nonces)."""

    def __init__(self, current: str, keys: Mapping[str, bytes]) -> None:
        if current not in keys:
            raise ValueError(f"the current key {current!r} is not in the ring")
        if any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"an encryption key has {KEY_BYTES} bytes")
        self.current = current
        self.keys = dict(keys)
        self._ciphers = {key_id: AESGCM(key) for key_id, key in self.keys.items()}

    def seal(self, text: bytes, context: str) -> Sealed:
        """Encrypt under the current key; `context` must be given again to open."""
        nonce = os.urandom(_NONCE_BYTES)
        return Sealed(self.current, nonce + self._ciphers[self.current].encrypt(nonce, text, context.encode()))

    def open(self, sealed: Sealed, context: str) -> bytes:
        """Decrypt what `seal` made.

        Raises:
            KeyMissingError: the ring lacks the key.
            TamperedError: the data or its context is not what was sealed.
        """
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise KeyMissingError(f"加密密钥 {sealed.key_id} 不在密钥环中，无法读取原文")
        try:
            return cipher.decrypt(sealed.data[:_NONCE_BYTES], sealed.data[_NONCE_BYTES:], context.encode())
        except InvalidTag:
            raise TamperedError("原文密文与记录不符，可能被改动") from None

    def with_new_key(self) -> "KeyRing":
        """A ring with a fresh key as the current one, beside all the old ones."""
        key_id = f"k{len(self.keys) + 1}-{secrets.token_hex(4)}"
        return KeyRing(key_id, {**self.keys, key_id: secrets.token_bytes(KEY_BYTES)})

    def only(self, key_ids: set[str]) -> "KeyRing":
        """A ring with the current key and those of the named ones that it holds."""
        return KeyRing(self.current, {k: v for k, v in self.keys.items() if k in key_ids | {self.current}})

    def to_json(self) -> str:
        """The ring as it lies in its file."""
        keys = {key_id: base64.b64encode(key).decode() for key_id, key in self.keys.items()}
        return json.dumps({"current": self.current, "keys": keys}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "KeyRing":
        """Read a ring from its file's text.

        Raises:
            ValueError: the file is damaged.
        """
        try:
            raw = json.loads(text)
            return cls(raw["current"], {key_id: decode_key(key) for key_id, key in raw["keys"].items()})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("密钥环文件损坏") from error

    @classmethod
    def fresh(cls) -> "KeyRing":
        """A ring with one new key."""
        key_id = f"k1-{secrets.token_hex(4)}"
        return cls(key_id, {key_id: secrets.token_bytes(KEY_BYTES)})

    @classmethod
    def of(cls, current: bytes, older: list[bytes]) -> "KeyRing":
        """A ring of keys that come without ids (from the environment): an id follows from its key."""
        keys = {f"e-{hashlib.sha256(b'key id' + key).hexdigest()[:12]}": key for key in [current, *older]}
        return cls(next(iter(keys)), keys)


class KeyRingFile:
    """A ring in a file that another process may rotate: `ring()` notices a new file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None
        self._ring: KeyRing | None = None

    def ring(self) -> KeyRing:
        """The ring as the file holds it now."""
        found = self.path.stat()
        seen = (found.st_ino, found.st_mtime_ns)
        if self._ring is None or seen != self._seen:
            self._ring, self._seen = KeyRing.from_json(self.path.read_text(encoding="utf-8")), seen
        return self._ring

    def replace(self, ring: KeyRing) -> None:
        """Put another ring in the file's place, all at once."""
        write_secret(self.path, ring.to_json())


class FixedRing:
    """A ring that comes from the environment and never changes while the process runs."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def ring(self) -> KeyRing:
        """The ring."""
        return self._ring


KeySource = KeyRingFile | FixedRing


def version_context(complaint: UUID, version: int) -> str:
    """What a version's sealed original is bound to."""
    return f"complaint:{complaint}:{version}"


def answer_context(complaint: UUID, answer: UUID) -> str:
    """What an answer's sealed original is bound to."""
    return f"answer:{complaint}:{answer}"


def keyed_digest(key: bytes, text: bytes) -> bytes:
    """HMAC-SHA256: equal for equal texts, and useless for guessing short ones without the key."""
    return hmac.new(key, text, hashlib.sha256).digest()


def decode_key(text: str) -> bytes:
    """Read a key from base64.

    Raises:
        ValueError: it is not base64 of 32 bytes.
    """
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("密钥不是合法的 base64") from error
    if len(key) != KEY_BYTES:
        raise ValueError(f"密钥须为 {KEY_BYTES} 字节的 base64，实为 {len(key)} 字节")
    return key


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner reads (0600); a reader sees the old one or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
