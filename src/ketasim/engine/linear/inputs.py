"""Doses of a regimen as inputs into the states of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim.models import Branch, LinearModel, Stream, evaluate

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


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
    def rate_given(self) -> bool:
        """Whether the rate was given: part of the dose then enters for part of the time."""
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


def check_steady(item: Input) -> None:
    """Refuse a steady-state input that cannot have come at its interval for ever.

    **Raises:** `InputError` when it comes after time 0 or lasts longer than its interval.
    """
    assert item.interval is not None
    if item.start != 0:
        raise InputError(
            "SS", "a steady-state dose comes after time 0", "put SS=1 on the first dose only"
        )
    if item.duration > item.interval:
        raise InputError(
            "II",
            f"a steady-state input lasts {item.duration:g} h, longer than its interval",
            "give an interval at least as long as the infusion or release",
        )


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
    shares = {
        drug: sum(s.share for s in streams if s.prefix == stream.prefix)
        for drug, streams in model.streams.items()
    }
    return shared_inputs(model, doses, resolved, weight, shares)


def shared_inputs(
    model: LinearModel,
    doses: Sequence[DoseLike],
    resolved: Mapping[str, Any],
    weight: Array,
    shares: Mapping[str, Any],
) -> list[Input]:
    """Translate doses into inputs; equal amounts are one array.

    **Arguments:** as of `inputs_of`; `shares`: drug to the part of its dose that is followed, a
    number or an array of shape (n,).

    **Raises:** `InputError` when the model does not know a dose's route or drug.
    """
    check_doses(model, doses)
    inputs: list[Input] = []
    followed = {drug for drug, share in shares.items() if np.any(share)}
    taken: dict[tuple[str, str, bool], list[tuple[str, Array, float, float]]] = {}
    amounts: dict[tuple[bytes, str, str, bool], list[Array]] = {}
    for dose in doses:
        if dose.drug not in followed:
            continue
        form = (dose.route, dose.drug, dose.device > 0)
        if form not in taken:
            taken[form] = [
                (
                    branch.target,
                    np.asarray(_fraction(branch, dose.device, resolved), np.float64),
                    _common(branch.lag, resolved, model, "lag"),
                    _common(branch.duration, resolved, model, "duration"),
                )
                for branch in model.branches_of(dose.route, dose.drug)
            ]
        shortened = [
            _one(fraction, model, "part of a dose whose rate was given")
            if dose.rate_given and dose.duration > 0
            else 1.0
            for _, fraction, _, _ in taken[form]
        ]
        mass = np.asarray(dose.milligrams(weight), np.float64)
        key = (mass.tobytes(), *form)
        if key not in amounts:
            amounts[key] = [
                np.broadcast_to(shares[dose.drug] * mass * fraction, weight.shape)
                for _, fraction, _, _ in taken[form]
            ]
        for (state, _, lag, lasting), amount, part in zip(
            taken[form], amounts[key], shortened, strict=True
        ):
            inputs.append(
                Input(
                    start=dose.time + lag,
                    duration=lasting or part * dose.duration,
                    state=state,
                    amount=amount,
                    interval=dose.steady_state_interval,
                )
            )
    return inputs


def alike(
    model: LinearModel, doses: Sequence[DoseLike], value: Callable[[str], Array]
) -> list[Integers] | None:
    """Split patients by the lags and the durations of their doses' absorption.

    **Arguments:**

    - `model`, `doses`: what is given.
    - `value`: expression to its value in each patient, shape (n,).

    **Returns:** positions, ascending, of the patients who can be solved together; nothing when all
    can.
    """
    texts = {
        text
        for route, drug in {(dose.route, dose.drug) for dose in doses}
        for branch in model.branches_of(route, drug)
        for text in (branch.lag, branch.duration)
        if text is not None
    }
    texts |= {
        branch.fraction
        for dose in doses
        if dose.rate_given and dose.duration > 0
        for branch in model.branches_of(dose.route, dose.drug)
    }
    columns = [one for text in sorted(texts) if ((one := value(text)) != one[0]).any()]
    if not columns:
        return None
    _, group = np.unique(np.stack(columns), axis=1, return_inverse=True)
    group = group.reshape(-1)
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def _fraction(branch: Branch, device: int, resolved: Mapping[str, Any]) -> Any:
    later = device > 0 and branch.later_fraction is not None
    return evaluate(branch.later_fraction if later else branch.fraction, resolved)  # type: ignore[arg-type]


def _common(text: str | None, resolved: Mapping[str, Any], model: LinearModel, what: str) -> float:
    """Value of an expression that must be the same for every patient of a batch."""
    if text is None:
        return 0.0
    return _one(evaluate(text, resolved), model, f"{what} '{text}'")


def _one(given: Any, model: LinearModel, what: str) -> float:
    """A value that must be the same for every patient of a batch."""
    values = np.unique(np.asarray(given, dtype=np.float64))
    if values.size != 1:
        raise ValueError(f"{model.name}: the {what} differs between patients")
    return float(values[0])
