"""Rooms that load their files when something in them is asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def opened(room: str, contents: Mapping[str, str]) -> Callable[[str], Any]:
    """Make the `__getattr__` of a room some of whose files are slow to load, or load much else.

    A name that is also the name of a file cannot be among them: Python puts the file in its place.

    **Arguments:**

    - `room`: its `__name__`.
    - `contents`: public name to the file that defines it, such as `{"calibrate_pk": "fit"}`.
    """

    def found(name: str) -> Any:
        if name not in contents:
            raise AttributeError(f"module '{room}' has no attribute '{name}'")
        value = getattr(importlib.import_module(f"{room}.{contents[name]}"), name)
        setattr(sys.modules[room], name, value)
        return value

    return found
