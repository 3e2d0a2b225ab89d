"""Every kind of event that the API has a type for is seen by a test on a switch that lives."""

from pathlib import Path

import pytest

from callcontrol.v1 import event_pb2

CONTRACT = Path(__file__).parents[1] / "contract"
TESTS = "\n".join(path.read_text() for path in sorted(CONTRACT.glob("test_*.py")))
PAYLOADS = [field.name for field in event_pb2.Event.DESCRIPTOR.oneofs_by_name["payload"].fields]


def test_there_are_payloads() -> None:
    assert len(PAYLOADS) >= 20


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_contract_test_looks_at_it(payload: str) -> None:
    assert f'"{payload}"' in TESTS or f".{payload}." in TESTS
