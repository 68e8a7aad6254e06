"""The program `yanpan`: gathers the sub-commands of all rooms by their entry points."""

import os
from importlib.metadata import entry_points

import typer

GROUP = "yanpan.commands"


def build() -> typer.Typer:
    """Make the command line application with every registered sub-command."""
    app = typer.Typer(
        name="yanpan",
        help="研判：诉求与信访智能分析服务",
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
    )
    for entry in sorted(entry_points(group=GROUP), key=lambda found: found.name):
        entry.load()(app)
    return app


def main() -> None:
    """Run the program; models are read from disk only, never from a hub."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Threads that wait for each other sleep: spinning, they take the cores from the database beside them.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    build()()


if __name__ == "__main__":
    main()
