"""Which promises of docs/semantics.md a test proves, by their ids.

`@pytest.mark.proves("6.2")` says so; it is written down once the test has passed,
where `EBSKEEP_PROOFS` names a directory, as the tests in Rust do
(crates/proofs). `cargo xtask test` compares what was written with the document.

`@pytest.mark.waits` is for a test that waits for so long that the others are better
run meanwhile: it comes first.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    # The last phase: whatever went wrong in it is no proof either.
    item.stash.setdefault(OUTCOMES, []).append(report.outcome)
    directory = os.environ.get("EBSKEEP_PROOFS")
    if directory and report.when == "teardown" and item.stash[OUTCOMES] == ["passed"] * 3:
        with (Path(directory) / f"{os.getpid()}.python").open("a") as file:
            for mark in item.iter_markers("proves"):
                for id in mark.args:
                    file.write(f"{id} {item.nodeid}\n")
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("waits") is None)


OUTCOMES = pytest.StashKey[list[str]]()
