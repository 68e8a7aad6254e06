"""Generated requests over the whole OpenAPI document, against a real server and database.

No answer is a 5xx, and each one is what the document says: its status, its media type, its schema.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from service.context import Service

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
    unsupported_method,
]
ENDLESS = {"/v1/feed/stream"}
RANDOM, SYSTEMATIC = 10, 60
"""Random cases an operation and mode, and systematic ones (each keyword of each schema at and over its bounds)."""
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context: object, value: object) -> bytes:
    """What is generated for a line-by-line body goes out as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@pytest.fixture
def api(live: str, key_for, service: Service):
    """The document as the server gives it, with a key of an administrator."""
    headers = key_for("admin")
    schema = schemathesis.openapi.from_url(f"{live}/openapi.json")
    schema.config.update(headers=headers)
    # 413 refuses a body as well; the tool knows it only as an answer to good data.
    schema.config.checks.negative_data_rejection.expected_statuses = ["400", "404", "409", "413", "415", "422"]
    with requests.Session() as session:
        session.headers.update(headers)
        schema.session = session
        yield schema


def systematic(api, operation) -> Iterator[schemathesis.Case]:
    """Deterministic cases, spread over all that there are."""
    config = api.config.generation_for(operation=operation, phase="coverage")
    cases = list(api.iter_coverage_cases(operation, generation_modes=MODES, generation_config=config))
    return itertools.islice(cases, 0, None, max(1, len(cases) // SYSTEMATIC))


def randomly(operation, mode: GenerationMode, ask: Callable[[schemathesis.Case], None]) -> None:
    """Ask some random cases."""
    strategy = operation.as_strategy(generation_mode=mode)

    @given(case=strategy)
    @settings(
        max_examples=RANDOM,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def run(case: schemathesis.Case) -> None:
        ask(case)

    run()


@pytest.mark.slow
def test_every_operation_answers_as_the_document_says(api):
    wrong: dict[str, str] = {}
    asked: dict[str, int] = {}

    def ask(case: schemathesis.Case) -> None:
        asked[case.operation.label] = asked.get(case.operation.label, 0) + 1
        try:
            case.call_and_validate(session=api.session, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                assert isinstance(failure, Failure)
                wrong.setdefault(
                    f"{case.operation.label}: {failure.title}",
                    str(failure)[:1500] + f"\n{case.as_curl_command()[:1000]}",
                )

    for result in api.get_all_operations():
        operation = result.ok()
        if operation.path in ENDLESS:
            continue
        for case in systematic(api, operation):
            ask(case)
        randomly(operation, GenerationMode.POSITIVE, ask)
        # An operation without parameters cannot be asked wrongly.
        with suppress(Unsatisfiable):
            randomly(operation, GenerationMode.NEGATIVE, ask)
    assert not wrong, "\n\n".join(f"{title}\n{story}" for title, story in wrong.items())
    assert len(asked) >= 20
    assert sum(asked.values()) > 300
