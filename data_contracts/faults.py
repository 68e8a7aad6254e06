"""Contract violations, said in Chinese and in English at the same place."""

from pydantic_core import PydanticCustomError


def violation(code: str, zh: str, en: str) -> PydanticCustomError:
    """Build a validation error that carries both languages.

    Args:
        code: stable kebab-case identifier, part of the API.
        zh: what is wrong and what to do, in Chinese.
        en: the same in English.

    Returns:
        An error for raising inside a pydantic validator; `ctx` holds `zh` and `en`.
    """
    return PydanticCustomError(code, "{zh} / {en}", {"zh": zh, "en": en})
