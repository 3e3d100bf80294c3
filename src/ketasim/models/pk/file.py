"""Own models in TOML files: what is read, and what is refused with the nearest name."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final, cast

from ketasim._base import InputError, named, near, read_whole
from ketasim.models.pk.declaration import (
    Compartment,
    CompartmentModel,
    Covariate,
    Flow,
    Output,
    Parameter,
)
from ketasim.models.pk.dimensions import AMOUNT

_MOST_BYTES: Final = 1_000_000  # a limit against files that are no model
_PARTS: Final = (
    *("name", "title", "amount", "parameters", "covariates", "definitions"),
    *("correlation", "compartments", "flow", "output"),
)
_PARAMETER: Final = ("value", "unit", "meaning", "sd_log", "rse")
_COVARIATE: Final = ("unit", "meaning", "default")
_COMPARTMENT: Final = ("F", "lag", "duration", "rate", "meaning")
_FLOW: Final = ("from", "to", "rate", "meaning")
_OUTPUT: Final = ("expression", "unit", "meaning", "proportional", "additive", "sd_log")


def read_model(path: str | Path) -> CompartmentModel:
    """Read a model from a TOML file.

    **Arguments:**

    - `path`: of the file.

    **Raises:** `InputError` when it cannot be read, a key is not known, or a value is not what it
    has to be.
    """
    file = Path(path)
    content = read_whole(file, "MODEL", _MOST_BYTES, what="model")
    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError("MODEL", f"'{named(file)}' is not UTF-8", "save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        said = str(error) or "is nested too deeply"
        raise InputError(
            "MODEL", f"'{named(file)}' is no TOML: {said}", "correct it there"
        ) from None
    return model_of(document, file.stem)


def model_of(document: Mapping[str, Any], name: str) -> CompartmentModel:
    """The model of a TOML document.

    **Arguments:**

    - `document`: as `tomllib` returns it. `name`: where it has none.

    **Raises:** `InputError` as of `read_model`.
    """
    _keys("model", document, _PARTS)
    parameters = _table(document, "parameters")
    flows: Any = document.get("flow", [])
    if not isinstance(flows, list):
        raise InputError("flow", "is no list", "write each flow below [[flow]]")
    given = document.get("name", name)
    return CompartmentModel(
        _text("name", given),
        tuple(_parameter(key, value) for key, value in parameters.items()),
        tuple(_compartment(key, value) for key, value in _table(document, "compartments").items()),
        tuple(_flow(n, one) for n, one in enumerate(cast("list[Any]", flows), start=1)),
        tuple(_output(key, value) for key, value in _table(document, "output").items()),
        tuple(_covariate(key, value) for key, value in _table(document, "covariates").items()),
        {
            key: _formula(f"definitions.{key}", value)
            for key, value in _table(document, "definitions").items()
        },
        _correlations(_table(document, "correlation")),
        _text("amount", document.get("amount", AMOUNT)),
    )


def _table(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    found: Any = document.get(name, {})
    if not isinstance(found, dict):
        raise InputError(name, "is no table", f"write its entries below [{name}]")
    return cast("dict[str, Any]", found)


def _keys(field: str, given: Any, known: Collection[str]) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise InputError(field, f"'{given}' is no table", f"write {{{next(iter(known))} = …}}")
    table = {str(key): value for key, value in cast("Mapping[Any, Any]", given).items()}
    for key in table:
        if key not in known:
            raise InputError(f"{field}.{key}", "unknown key", near(key, known))
    return table


def _parameter(name: str, given: Any) -> Parameter:
    field = f"parameters.{name}"
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = {"value": given}
    table = _keys(field, given, _PARAMETER)
    value = _number(field, table, "value", None)
    sd_log = _number(field, table, "sd_log", 0.0, low=0.0)
    rse = _number(field, table, "rse", 0.0, low=0.0)
    if value is not None and value <= 0 and (sd_log or rse):
        key = "sd_log" if sd_log else "rse"
        raise InputError(
            f"{field}.{key}", f"{value:g} has no logarithm", "leave it out, or give a value above 0"
        )
    words = _words(field, table)
    return Parameter(name, value, words["unit"], words["meaning"], sd_log or 0.0, rse or 0.0)


def _covariate(name: str, given: Any) -> Covariate:
    field = f"covariates.{name}"
    table = _keys(field, given, _COVARIATE)
    words = _words(field, table)
    return Covariate(name, words["unit"], words["meaning"], _number(field, table, "default", None))


def _compartment(name: str, given: Any) -> Compartment:
    field = f"compartments.{name}"
    table = _keys(field, given, _COMPARTMENT)
    keys = {k: _formula(f"{field}.{k}", v) for k, v in table.items() if k != "meaning"}
    return Compartment(name, keys.get("F"), keys.get("lag"), keys.get("duration"), keys.get("rate"))


def _flow(number: int, given: Any) -> Flow:
    field = f"flow {number}"
    table = _keys(field, given, _FLOW)
    for key in ("from", "rate"):
        if key not in table:
            raise InputError(f"{field}, {key}", "is missing", "add it")
    target = table.get("to")
    return Flow(
        _text(f"{field}, from", table["from"]),
        None if target is None else _text(f"{field}, to", target),
        _formula(f"{field}, rate", table["rate"]),
    )


def _output(name: str, given: Any) -> Output:
    field = f"output.{name}"
    if isinstance(given, str):
        given = {"expression": given}
    table = _keys(field, given, _OUTPUT)
    if "expression" not in table:
        raise InputError(f"{field}.expression", "is missing", "add it, such as 'central/V'")
    errors = {
        key: _number(field, table, key, 0.0, low=0.0) or 0.0
        for key in ("proportional", "additive", "sd_log")
    }
    return Output(
        name,
        _formula(f"{field}.expression", table["expression"]),
        _words(field, table)["unit"],
        **errors,
    )


def _correlations(table: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for one, others in table.items():
        if not isinstance(others, dict):
            raise InputError(
                f"correlation.{one}", f"'{others}' is no table", f"write {one}.OTHER = 0.5"
            )
        for other, value in cast("dict[str, Any]", others).items():
            field = f"correlation.{one}"
            number = _number(field, {other: value}, other, None, low=-1.0) or 0.0
            if abs(number) >= 1.0:
                raise InputError(
                    f"{field}.{other}", f"{number:g} is no correlation", "give it between -1 and 1"
                )
            found[one, other] = number
    return found


def _words(field: str, table: Mapping[str, Any]) -> dict[str, str]:
    return {key: _text(f"{field}.{key}", table.get(key, "")) for key in ("unit", "meaning")}


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(field, f"{value} is no text", f"write it in quotes: '{value}'")
    return value


def _formula(field: str, value: Any) -> str:
    """An expression; a number is one too."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value))
    return _text(field, value)


def _number(
    field: str,
    table: Mapping[str, Any],
    key: str,
    otherwise: float | None,
    *,
    low: float | None = None,
) -> float | None:
    if key not in table:
        return otherwise
    value = table[key]
    show: Callable[[Any], str] = lambda one: f"'{one}'" if isinstance(one, str) else f"{one}"  # noqa: E731
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{field}.{key}", f"{show(value)} is no number", "give a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError(f"{field}.{key}", "is no finite number", "give a number")
    if low is not None and number < low:
        raise InputError(f"{field}.{key}", f"{number:g} is below {low:g}", f"give {low:g} or more")
    return number
