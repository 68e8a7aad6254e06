"""All tables of the store, one file per area; `metadata` knows every one of them."""

from importlib import import_module
from pkgutil import iter_modules

from sqlalchemy import MetaData

from service.store.tables.base import Base


def all_tables() -> MetaData:
    """The metadata after every module of this package has declared its tables."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return Base.metadata
