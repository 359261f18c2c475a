"""Servers for the end-to-end tests."""

from collections.abc import Iterator

import pytest

from support.clients import KEY
from support.moto_server import MotoHere, moto_here, moto_process
from support.programs import Ebskeep


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    """A moto server in a process of its own."""
    with moto_process() as url:
        yield url


@pytest.fixture(scope="session")
def _moto() -> Iterator[MotoHere]:
    with moto_here() as moto:
        yield moto


@pytest.fixture
def moto(_moto: MotoHere) -> Iterator[MotoHere]:
    """An empty moto in this process."""
    _moto.reset()
    yield _moto


@pytest.fixture
def ebskeep(moto: MotoHere) -> Ebskeep:
    """The command against that moto."""
    return Ebskeep(moto.url, KEY)
