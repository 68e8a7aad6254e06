"""What a running process holds: opened once, handed to whoever needs a part of it."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from data_contracts.complaint import Complaint
from data_contracts.region import RegionTree
from nlp.encoder import Encoder, load_encoder
from nlp.indexing import index_fields
from nlp.package import ModelPackage
from nlp.parallel import settle
from nlp.pipeline import Pipeline
from service.cases.online import Cases
from service.home import Home
from service.intake import Intake
from service.jobs.process import Process
from service.jobs.queue import Jobs
from service.registry import model_in_use
from service.search.postgres import PostgresSearch
from service.settings import Settings
from service.store.engine import Sessions, conninfo, open_sessions
from service.store.regions import read_tree

REGIONS_FRESH_SECONDS = 30.0
"""So soon another process's new region tree is noticed."""
MODEL_FRESH_SECONDS = 5.0
"""So soon another model that was put in use is noticed."""

logger = logging.getLogger(__name__)


class Service:
    """The parts of one process. Models are loaded when they are first asked for, once.

    Attributes:
        settings, home, engine, sessions: where everything is.
        search: the search engine.
        cases: finds the case of each complaint.
        intake: takes complaints in.
        jobs: the queue and its workers.
    """

    def __init__(self, settings: Settings, home: Home, engine: Engine) -> None:
        self.settings = settings
        self.home = home
        self.engine = engine
        self.sessions: Sessions = open_sessions(engine)
        self._load = threading.Lock()
        self._encoder: Encoder | None = None
        self._tree: tuple[float, RegionTree] | None = None
        self._load_model = threading.Lock()
        self._pipeline: Pipeline | None = None
        self._read_from: Path | None = None
        self._looked = 0.0
        self.search = PostgresSearch(self.sessions, lambda: self.regions, lambda: self.encoder)
        self.cases = Cases(
            self.sessions, self.search, lambda: self.regions, lambda texts: index_fields(self.encoder, texts)
        )
        process = Process(self.sessions, lambda: self.encoder, self.search, self.cases)
        self.jobs = Jobs(conninfo(home.url), self.sessions, process, stalled_after=settings.stalled_after_seconds)
        self.intake = Intake(
            self.sessions,
            lambda: self.regions,
            lambda: self.pipeline,
            home.keys,
            self.jobs,
            erased=self.search.delete,
        )

    @property
    def regions(self) -> RegionTree:
        """The region tree, read again now and then."""
        held = self._tree
        if held is None or time.monotonic() - held[0] > REGIONS_FRESH_SECONDS:
            with self.sessions() as session:
                held = self._tree = (time.monotonic(), read_tree(session))
        return held[1]

    @property
    def encoder(self) -> Encoder:
        """The text encoder."""
        if self._encoder is None:
            with self._load:
                if self._encoder is None:
                    self._encoder = load_encoder(self.settings.encoder)
        return self._encoder

    @property
    def model_directory(self) -> Path:
        """The package that the settings name, or the one that was put in use."""
        return model_in_use(self.settings, self.home)

    @property
    def pipeline(self) -> Pipeline:
        """The reader of texts; another model that was put in use is noticed within seconds."""
        held = self._pipeline
        if held is not None and time.monotonic() - self._looked < MODEL_FRESH_SECONDS:
            return held
        with self._load_model:
            directory = self.model_directory
            if self._pipeline is None or directory != self._read_from:
                model = ModelPackage.load(directory)
                if self._pipeline is not None:
                    logger.info("model %s in the place of %s", model.version, self._pipeline.model.version)
                self._pipeline, self._read_from = Pipeline(encoder=self.encoder, model=model), directory
            self._looked = time.monotonic()
            return self._pipeline

    def warm(self) -> None:
        """Load the models and make the search index ready before the first request."""
        self.pipeline.analyse([Complaint(text="望湖区春晓路路灯不亮，请尽快维修。")])
        self.search.prepare()
        settle()


@contextmanager
def open_service(settings: Settings) -> Iterator[Service]:
    """Open the home (starting the embedded database when none runs) and the parts on it; close both at the end.

    Raises:
        RuntimeError: the embedded database did not start.
        sqlalchemy.exc.OperationalError: the configured database cannot be reached.
    """
    with Home(settings) as home:
        engine = home.engine()
        try:
            yield Service(settings, home, engine)
        finally:
            engine.dispose()
