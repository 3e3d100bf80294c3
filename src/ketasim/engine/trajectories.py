"""What a run returns: values of patients at times, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim.engine.planning import Plan
from ketasim.engine.system import Row
from ketasim.models import AMOUNT, ChainModel

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

Name = str | tuple[str, str]

STATE, QUANTITY, ROW = 0, 1, 2


@dataclass(frozen=True)
class Trajectories:
    """Values of patients at times.

    **Arguments:**

    - `times`: h, shape (T,).
    - `names`: what was asked for, length Q.
    - `values`: shape (n, T, Q); not a number after a patient's horizon.
    - `first`: number of the first patient, counted from 0.
    - `engine`: which one ran.
    - `plan`: its steps and their error; nothing for the oracle.
    """

    times: Array
    names: tuple[Name, ...]
    values: Array
    first: int
    engine: str
    plan: Plan | None

    def __getitem__(self, name: Name) -> Array:
        """Values of one name, shape (n, T)."""
        if name not in self.names:
            raise KeyError(f"{name} was not asked for; there are {', '.join(map(str, self.names))}")
        return self.values[:, :, self.names.index(name)]

    @property
    def metadata(self) -> Mapping[str, Any]:
        """How the values came about."""
        plan = self.plan
        return {
            "engine": self.engine,
            "tolerance": None if plan is None else plan.tolerance,
            "error": None if plan is None else plan.error,
            "checked": None if plan is None else plan.checked,
        }


@dataclass(frozen=True)
class Request:
    """What is asked for, as the back ends take it.

    **Arguments:**

    - `names`: in order.
    - `rows`: signals of the model, and then concentrations and amounts that are asked for.
    - `kind`, `index`: of every name: `STATE`, `QUANTITY` or `ROW`, and which.
    """

    names: tuple[Name, ...]
    rows: tuple[Row, ...]
    kind: Integers
    index: Integers


def request_of(model: ChainModel, names: tuple[Name, ...]) -> Request:
    """Find out what names mean.

    **Arguments:**

    - `model`: the declaration.
    - `names`: of states, quantities and signals of the response, and pairs of a concentration and
      its site, or of a state of the linear block and `amount`.

    **Raises:** `InputError` for a name that the model does not know.
    """
    response, pk = model.response, model.pharmacokinetics
    rows = [Row(dict(signal.parts)) for signal in response.signals]
    places = {s.name: (STATE, i) for i, s in enumerate(response.states)}
    places |= {q.name: (QUANTITY, i) for i, q in enumerate(response.quantities)}
    places |= {s.name: (ROW, i) for i, s in enumerate(response.signals)}
    prefixes = {s.prefix for streams in pk.streams.values() for s in streams}
    known = {(o.analyte, o.site) for o in pk.outputs} | {(s.name, AMOUNT) for s in pk.states}
    known |= {(f"{p}_{quantity}", site) for quantity, site in known for p in prefixes if p}
    found: list[tuple[int, int]] = []
    for name in names:
        if isinstance(name, str):
            if name not in places:
                raise InputError("outputs", f"'{model.name}' has no '{name}'", near(name, places))
            found.append(places[name])
            continue
        if name not in known:
            raise InputError(
                "outputs",
                f"'{pk.name}' has no {name}",
                near("@".join(name), ("@".join(one) for one in known)),
            )
        found.append((ROW, len(rows)))
        rows.append(Row({name: None}))
    if not found:
        raise InputError("outputs", "nothing is asked for", "name a state, quantity or signal")
    kind, index = np.array(found, np.int64).T
    return Request(
        tuple(names), tuple(rows), np.ascontiguousarray(kind), np.ascontiguousarray(index)
    )
