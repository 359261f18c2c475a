"""One sim for all tests of the function; each test has an account of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from support.clients import key_of
from support.lambda_runtime import Function, function
from support.sim_server import Account, Sim, sim_server


@pytest.fixture(scope="module")
def sim() -> Iterator[Sim]:
    with sim_server() as sim:
        # These tests are about the function; the rates have theirs in crates/.
        sim.control("rules", {"buckets": False, "completes-after": "0s"})
        yield sim


@pytest.fixture
def account(sim: Sim) -> Account:
    return sim.new_account()


@pytest.fixture
def start(account: Account) -> Iterator[Callable[..., Function]]:
    """Starts the function in that account, with these variables."""
    with ExitStack() as running:

        def start(**variables: str) -> Function:
            given = {
                "AWS_ACCESS_KEY_ID": key_of(account.id),
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_REGION": "eu-west-1",
                "AWS_ENDPOINT_URL": account.sim.url,
            }
            return running.enter_context(function(**given | variables))

        yield start
