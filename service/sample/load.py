"""Loads the sample city's complaints into a fresh home, so that there is something to look at."""

from collections.abc import Callable
from pathlib import Path

from service.access.principal import Principal
from service.access.sample_keys import OWNER, ensure
from service.context import Service
from service.home import user_pseudonym
from service.importing import readers
from service.importing.rows import Mapped
from service.importing.run import Import, Tally

SAMPLE = Path(__file__).parent / "yunzhou.jsonl"
SOURCE = "yunzhou-sample"


def size() -> int:
    """Complaints of the sample."""
    return readers.count(SAMPLE) or 0


def load(service: Service, advance: Callable[[int], None] = lambda line: None) -> Tally:
    """Make the sample keys and bring the sample in; loading it again changes nothing."""
    root = service.regions.root
    ensure(service.home.directory, service.sessions, service.home.keys.pepper, root.path)
    key = service.home.keys.pseudonym
    mapping = Mapped(source=SOURCE, pseudonym=lambda user: user_pseudonym(key, f"{SOURCE}:{user}"))
    principal = Principal(key_id="sample", owner=OWNER, role="admin", scope=root.path)
    return Import(service, SAMPLE, mapping, principal, service.home.directory / "sample.rejects.jsonl").run(1, advance)
