"""Doses of a regimen as inputs into the states of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim.models import Branch, LinearModel, Stream, evaluate

Array = NDArray[np.float64]


class DoseLike(Protocol):
    """What the engine needs to know of a dose (see `ketasim.dosing.Dose`)."""

    @property
    def time(self) -> float:
        """Start, h."""
        ...

    @property
    def drug(self) -> str:
        """Drug given."""
        ...

    @property
    def route(self) -> str:
        """Route of administration."""
        ...

    @property
    def duration(self) -> float:
        """Duration, h; 0 for all at once."""
        ...

    @property
    def device(self) -> int:
        """Place of a nasal device within its session."""
        ...

    @property
    def steady_state_interval(self) -> float | None:
        """Interval of a steady-state dose, h."""
        ...

    def milligrams(self, weight: Any) -> Any:
        """Mass of base, mg, at a body weight in kg."""
        ...


@dataclass(frozen=True)
class Input:
    """Drug entering one state.

    **Arguments:**

    - `start`: h.
    - `duration`: h; 0 for all at once.
    - `state`: the receiving state.
    - `amount`: mg, shape (n,).
    - `interval`: h; when given, infinitely many equal inputs came before at this interval.
    """

    start: float
    duration: float
    state: str
    amount: Array
    interval: float | None = None


def check_doses(model: LinearModel, doses: Sequence[DoseLike]) -> None:
    """Refuse doses a model cannot follow.

    **Raises:** `InputError` when the model does not know a dose's route or drug.
    """
    for number, dose in enumerate(doses):
        if dose.drug not in model.streams:
            raise InputError(
                f"doses[{number}].drug",
                f"the model '{model.name}' does not describe {dose.drug}",
                f"use pk_model: reference; this model knows {' and '.join(model.streams)} alone",
            )
        if dose.route not in model.routes:
            raise InputError(
                f"doses[{number}].route",
                f"the model '{model.name}' does not describe the route {dose.route}",
                f"use pk_model: reference, or a route it knows ({near(dose.route, model.routes)})",
            )


def inputs_of(
    model: LinearModel,
    doses: Sequence[DoseLike],
    resolved: Mapping[str, Any],
    weight: Array,
    stream: Stream,
) -> list[Input]:
    """Translate doses into inputs, for the molecule of one stream.

    **Arguments:**

    - `model`: the declaration with its routes.
    - `doses`: in any order.
    - `resolved`: values as `LinearModel.resolve` returns them.
    - `weight`: kg, shape (n,).
    - `stream`: the molecule followed; doses of drugs that do not contain it are skipped.

    **Raises:** `InputError` when the model does not know a dose's route or drug.
    """
    check_doses(model, doses)
    inputs: list[Input] = []
    for dose in doses:
        share = sum(s.share for s in model.streams[dose.drug] if s.prefix == stream.prefix)
        if share == 0:
            continue
        amount = np.broadcast_to(np.asarray(dose.milligrams(weight), np.float64), weight.shape)
        for branch in model.branches_of(dose.route, dose.drug):
            fraction = np.asarray(_fraction(branch, dose.device, resolved), dtype=np.float64)
            inputs.append(
                Input(
                    start=dose.time + _common(branch.lag, resolved, model, "lag"),
                    duration=_common(branch.duration, resolved, model, "duration") or dose.duration,
                    state=branch.target,
                    amount=share * amount * fraction,
                    interval=dose.steady_state_interval,
                )
            )
    return inputs


def _fraction(branch: Branch, device: int, resolved: Mapping[str, Any]) -> Any:
    later = device > 0 and branch.later_fraction is not None
    return evaluate(branch.later_fraction if later else branch.fraction, resolved)  # type: ignore[arg-type]


def _common(text: str | None, resolved: Mapping[str, Any], model: LinearModel, what: str) -> float:
    """Value of an expression that must be the same for every patient of a batch."""
    if text is None:
        return 0.0
    values = np.unique(np.asarray(evaluate(text, resolved), dtype=np.float64))
    if values.size != 1:
        raise ValueError(f"{model.name}: the {what} '{text}' differs between patients")
    return float(values[0])
