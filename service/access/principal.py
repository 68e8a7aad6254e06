"""Who is asking: what a valid key says of its holder."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a key.

    Attributes:
        key_id: public half of the key; what the audit log names.
        owner: the office or system that the key was given to.
        role: code of the role taxonomy, e.g. `hotline`.
        scope: region path prefix, e.g. `/990100/990102/`; all that the holder sees or changes lies below it.
    """

    key_id: str
    owner: str
    role: str
    scope: str
