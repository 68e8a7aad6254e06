"""Identifiers that follow from what they identify, so that a repeated delivery finds the same row."""

from uuid import UUID, uuid5

_COMPLAINTS = UUID("5a0d6c1e-0b0f-5c43-9f0e-6d9b0f3c9a11")
_ANSWERS = UUID("c1f7b1d4-52a2-5d0e-8a53-0f6a3d1f2b7e")


def complaint_id(source: str, external_id: str) -> UUID:
    """The id of a complaint: UUIDv5 (RFC 9562) of its source system and that system's own id."""
    return uuid5(_COMPLAINTS, f"{len(source)}:{source}:{external_id}")


def answer_id(complaint: UUID, digest: bytes) -> UUID:
    """The id of an answer: UUIDv5 of the complaint and the keyed digest of the answer."""
    return uuid5(_ANSWERS, f"{complaint}:{digest.hex()}")
