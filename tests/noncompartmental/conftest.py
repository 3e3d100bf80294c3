from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def theoph() -> ModuleType:
    """Theophylline in twelve subjects: `theophylline`, `TERMINAL_POINTS`."""
    path = Path(__file__).with_name("theophylline.py")
    spec = importlib.util.spec_from_file_location("theophylline", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
