"""What every test shares: no example has a deadline, and the page tests need a browser."""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

# How long an example takes is a matter of the machine. `@settings(...)` of a test takes from here
# what it leaves out, since this file is loaded first.
settings.register_profile("ketasim", settings(), deadline=None)
settings.load_profile("ketasim")

NO_BROWSER = "chromium was not found; install it (Debian: apt-get install chromium)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `page` where there is no browser; in CI that is an error."""
    if shutil.which("chromium"):
        return
    pages = [item for item in items if item.get_closest_marker("page")]
    if pages and os.environ.get("CI"):
        raise pytest.UsageError(NO_BROWSER)
    for item in pages:
        item.add_marker(pytest.mark.skip(reason=NO_BROWSER))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A running chromium; of a module, since others may not run a loop beside it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


def _trim_heap() -> None:
    """Give the memory of what was freed back to the system, where the C library can."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
    if trim is not None:
        trim(0)


@pytest.fixture(autouse=True, scope="module")
def _memory_of_a_file_leaves_with_it() -> Iterator[None]:
    """A worker runs many files: none of them finds the memory of those before."""
    yield
    _trim_heap()


@pytest.fixture
def trim_heap() -> Callable[[], None]:
    """What gives freed memory back."""
    return _trim_heap
