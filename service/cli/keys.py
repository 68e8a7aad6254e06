"""`yanpan key`: make, list and revoke the keys of other systems and people."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from data_contracts.region import Region, RegionTree
from data_contracts.taxonomy import taxonomy
from data_contracts.times import LOCAL, zoned
from service.access import audit, keys
from service.access.principal import Principal
from service.errors import Fault
from service.home import Home
from service.http.regions import resolve
from service.settings import settings
from service.store.engine import Sessions, open_sessions
from service.store.regions import read_tree
from service.store.tables.access import ApiKeyRow

console = Console()


def register(app: typer.Typer) -> None:
    """Add the group `key`."""
    group = typer.Typer(help="密钥：新建、列出、吊销", no_args_is_help=True)
    app.add_typer(group, name="key")
    group.command()(create)
    group.command("list")(show)
    group.command()(revoke)


def create(
    role: Annotated[str, typer.Option(help="角色的代码或名称，如 analyst 或 分析员")],
    owner: Annotated[str, typer.Option(help="持有者：单位或系统的名称")],
    region: Annotated[str | None, typer.Option(help="辖区的代码或全称，默认全市")] = None,
    expires: Annotated[str | None, typer.Option(help="到期：日期如 2027-01-01，或天数如 90d；默认不过期")] = None,
    note: Annotated[str, typer.Option(help="备注")] = "",
) -> None:
    """新建一个密钥；密钥只显示这一次。"""
    entry = taxonomy("role").find(role)
    if entry is None:
        raise typer.BadParameter(f"没有角色“{role}”，可用：{'、'.join(taxonomy('role').codes)}", param_hint="--role")
    ends = _end(expires)
    with _sessions() as (home, sessions), sessions.begin() as session:
        place = _region(read_tree(session), region)
        try:
            shown = keys.create(
                session, home.keys.pepper, role=entry.code, owner=owner, scope=place.path, expires=ends, note=note
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        detail = {"made": shown.partition(".")[0], "role": entry.code, "scope": place.path}
        audit.record(session, _operator(place.path), "key.manage", detail=detail)
    told = f"{entry.label}，{place.name}，{_ending(ends)}"
    console.print(f"已为[bold]{escape(owner)}[/bold]新建密钥（{told}）。只显示这一次：")
    # No markup and no wrapping: the line is copied.
    console.print(shown, markup=False, soft_wrap=True, highlight=False)


def show(everything: Annotated[bool, typer.Option("--all", help="连同已吊销的")] = False) -> None:
    """列出密钥；密钥本身不再能显示。"""
    with _sessions() as (_, sessions), sessions() as session:
        tree = read_tree(session)
        rows = keys.listed(session, within=tree.root.path, with_revoked=everything)
        console.print(_table(rows, tree) if rows else "还没有密钥，用 yanpan key create 新建。")


def revoke(identifier: Annotated[str, typer.Argument(help="密钥的编号，即圆点之前的部分")]) -> None:
    """吊销一个密钥；正在运行的服务几秒内生效。"""
    try:
        with _sessions() as (_, sessions), sessions.begin() as session:
            root = read_tree(session).root.path
            row = keys.revoke(session, identifier.partition(".")[0], within=root)
            audit.record(session, _operator(root), "key.manage", detail={"revoked": row.id})
    except Fault as fault:
        console.print(f"[red]{fault.zh}[/red]")
        raise typer.Exit(1) from None
    soon = f"正在运行的服务 {settings().key_memory_seconds:g} 秒内生效"
    console.print(f"已吊销 [bold]{row.id}[/bold]（{escape(row.owner)}），{soon}。")


@contextmanager
def _sessions() -> Iterator[tuple[Home, Sessions]]:
    with Home(settings()) as home:
        engine = home.engine(pool_size=1)
        try:
            yield home, open_sessions(engine)
        finally:
            engine.dispose()


def _operator(scope: str) -> Principal:
    """Whoever sits at the machine; the log must not be silent about what is done there."""
    return Principal(key_id="cli", owner="命令行", role="admin", scope=scope)


def _region(tree: RegionTree, value: str | None) -> Region:
    try:
        return resolve(tree, value)
    except Fault as fault:
        raise typer.BadParameter(fault.zh, param_hint="--region") from None


def _end(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        if value.endswith("d"):
            return datetime.now(UTC) + timedelta(days=int(value[:-1]))
        return zoned(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        raise typer.BadParameter("应为日期如 2027-01-01，或天数如 90d", param_hint="--expires") from None


def _table(rows: Sequence[ApiKeyRow], tree: RegionTree) -> Table:
    table = Table(Column("编号", no_wrap=True), "角色", "持有者", "辖区", "建立", "到期", "状态", "备注")
    now = datetime.now(UTC)
    for row in rows:
        place = tree.get(row.region_code)
        table.add_row(
            row.id,
            taxonomy("role").label(row.role),
            escape(row.owner),
            place.name if place else row.region_code,
            _day(row.created_at),
            _day(row.expires_at),
            _state(row, now),
            escape(row.note),
        )
    return table


def _ending(moment: datetime | None) -> str:
    return f"{moment.astimezone(LOCAL):%Y-%m-%d %H:%M} 到期" if moment else "不过期"


def _state(row: ApiKeyRow, now: datetime) -> str:
    if row.revoked_at is not None:
        return "[red]已吊销[/red]"
    if row.expires_at is not None and row.expires_at <= now:
        return "[yellow]已过期[/yellow]"
    return "[green]有效[/green]"


def _day(moment: datetime | None) -> str:
    return moment.astimezone(LOCAL).strftime("%Y-%m-%d") if moment else "不过期"
