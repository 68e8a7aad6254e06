import json
from pathlib import Path

import jsonschema_rs
from typer.testing import CliRunner

from data_contracts import Complaint, schema, version
from service.cli.main import build

PINNED = Path(schema.__file__).parent / "schemas" / "versions.json"


def test_contracts_change_only_with_their_version() -> None:
    pinned = json.loads(PINNED.read_text(encoding="utf-8"))
    assert pinned.get(version.CONTRACTS) == schema.digest(), (
        "the contracts changed: raise data_contracts.version.CONTRACTS and pin the new digest in schemas/versions.json"
    )


def test_every_contract_is_exported_as_a_valid_schema(tmp_path: Path) -> None:
    result = CliRunner().invoke(build(), ["contracts", "export", str(tmp_path)])
    assert result.exit_code == 0, result.output
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == sorted(f"{name}.schema.json" for name in schema.CONTRACTS)
    for path in tmp_path.iterdir():
        jsonschema_rs.validator_for(json.loads(path.read_text(encoding="utf-8")))


def test_a_written_complaint_fits_its_schema() -> None:
    validator = jsonschema_rs.validator_for(schema.schemas()["complaint"])
    complaint = Complaint(external_id="a", text="路灯坏了", region="望湖区")
    assert validator.is_valid(json.loads(complaint.model_dump_json()))
    assert not validator.is_valid({"text": "路灯坏了", "channel": "fax"})
