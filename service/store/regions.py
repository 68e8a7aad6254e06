"""The region tree in the database: the sample city at first, a city's own tree when it loads one."""

from sqlalchemy import Engine, delete, func, insert, select, text
from sqlalchemy.orm import Session

from data_contracts.region import Region, RegionLevel, RegionTree, sample_regions
from service.store.tables.complaints import ComplaintRow
from service.store.tables.regions import RegionRow

_REGION_LOCK = 0x79616E70_02


def load_sample_if_empty(engine: Engine) -> None:
    """Load the tree of the sample city into a database that has none."""
    with Session(engine) as session, session.begin():
        if session.scalar(select(func.count()).select_from(RegionRow)):
            return
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _REGION_LOCK})
        if not session.scalar(select(func.count()).select_from(RegionRow)):
            _insert(session, sample_regions())


def read_tree(session: Session) -> RegionTree:
    """The tree as the database holds it."""
    rows = session.scalars(select(RegionRow).order_by(RegionRow.position))
    return RegionTree(
        Region(
            code=row.code,
            name=row.name,
            parent=row.parent,
            level=_level(row.level),
            path=row.path,
            population=row.population,
        )
        for row in rows
    )


def replace_tree(session: Session, tree: RegionTree) -> None:
    """Put another tree in the place of the stored one.

    Raises:
        ValueError: complaints lie in a region that the new tree lacks or hangs elsewhere; names some.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _REGION_LOCK})
    used = session.execute(select(ComplaintRow.region_code, ComplaintRow.region_path).distinct())
    lost = [code for code, path in used if (found := tree.get(code)) is None or found.path != path]
    if lost:
        shown = "、".join(sorted(lost)[:5])
        raise ValueError(f"已有诉求属于区划 {shown}，新区划表缺少它们或其上级不同，未作更改")
    session.execute(delete(RegionRow))
    _insert(session, tree)


def _insert(session: Session, tree: RegionTree) -> None:
    rows = [{**region.model_dump(), "position": place} for place, region in enumerate(tree.regions)]
    session.execute(insert(RegionRow), rows)


def _level(value: str) -> RegionLevel:
    match value:
        case "city" | "county" | "township":
            return value
    raise ValueError(f"unknown region level {value!r}")
