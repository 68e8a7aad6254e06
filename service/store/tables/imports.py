"""How far the import of a file has come, so that the next run need not begin again."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base


class ImportRow(Base):
    """Progress of one file with one set of options; `line` is the last line whose batch was committed."""

    __tablename__ = "import_progress"

    id: Mapped[str] = mapped_column(primary_key=True)
    file_name: Mapped[str]
    line: Mapped[int]
    created: Mapped[int]
    changed: Mapped[int]
    unchanged: Mapped[int]
    answers: Mapped[int]
    rejected: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
