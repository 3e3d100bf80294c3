"""The package that knows FHIR R4, which is an extra."""

from __future__ import annotations

import importlib
import importlib.util
import re
from functools import cache
from typing import Any, Final

from ketasim._base import InputError

_TYPE: Final = re.compile(r"[A-Za-z]{1,40}")


def r4_class(kind: str) -> Any:
    """The class of a type of resource, such as `Observation`.

    **Raises:** `InputError` when the package is missing.
    """
    try:
        # R4B and R4 are alike in what is read and written here; the package's default is R5
        module = importlib.import_module(f"fhir.resources.R4B.{kind.lower()}")
    except ImportError:
        raise InputError(
            "fhir",
            "FHIR needs the package fhir.resources, which is not installed",
            "run 'pip install ketasim[fhir]'",
        ) from None
    return getattr(module, kind)


@cache
def is_type(kind: str) -> bool:
    """Tell whether R4 has a type of resource."""
    name = f"fhir.resources.R4B.{kind.lower()}"
    return bool(_TYPE.fullmatch(kind)) and importlib.util.find_spec(name) is not None
