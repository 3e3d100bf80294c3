"""Models for the engine's tests: workload W and the realistic chain of the benchmarks."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="session")
def chains() -> ModuleType:
    """`benchmarks/chain.py`: CHAIN, REALISTIC, and their patients."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("chain")
    finally:
        sys.path.remove(str(BENCHMARKS))
