"""The probe, started once."""

from collections.abc import Iterator

import pytest

from support.probe import Probe


@pytest.fixture(scope="session")
def probe() -> Iterator[Probe]:
    probe = Probe()
    yield probe
    probe.close()
