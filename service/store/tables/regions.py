"""The region tree of the city that this store serves."""

from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base


class RegionRow(Base):
    """A node of the tree; `path` is `/city/county/township/`, so that a subtree is a prefix."""

    __tablename__ = "region"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    parent: Mapped[str | None]
    level: Mapped[str]
    path: Mapped[str] = mapped_column(unique=True)
    population: Mapped[int | None]
    position: Mapped[int]
