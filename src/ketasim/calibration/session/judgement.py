"""A card of the effects of a session beside the published numbers, without fitting again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ketasim.__about__ import __version__
from ketasim._base import Headline, HeadlineRow, Result
from ketasim._base.result import csv, later, saved
from ketasim.calibration.session.problem import PRESSURES, SessionProblem
from ketasim.calibration.session.training import SessionRow, load_session_training
from ketasim.evidence import Card, load_card, write_card

if TYPE_CHECKING:
    import polars

Array = NDArray[np.float64]

_COMMAND = "ketasim calibrate session --out DIR"
_TABLES = "ketasim.calibration.session.tables"  # which read the fit
_NINE_IN_TEN = 1.645  # SDs from a prediction to either end of its 90 % interval


@dataclass(frozen=True)
class SessionCompared:
    """A published number beside the model's.

    **Arguments:**

    - `row`: the published number.
    - `predicted`: in its unit.
    - `low`, `high`: 90 % prediction interval for such a study: error of the published number,
      between-study variability and uncertainty of the fit.
    - `z`: published less predicted, in SDs of that interval.
    """

    row: SessionRow
    predicted: float
    low: float
    high: float
    z: float

    @property
    def inside(self) -> bool:
        """Whether the published number lies inside the interval."""
        return abs(self.z) <= _NINE_IN_TEN


@dataclass(frozen=True, repr=False)
class SessionFit(Result):
    """Result of `calibrate_session`.

    **Arguments:**

    - `card`: the fitted card with its uncertainty. `prior`: what it started from.
    - `free`: symbols that were free; the between-study SDs besides.
    - `shrinkage`: posterior over prior SD of each; near 1 means not identified.
    - `compared`: every row, fitted or only compared, with its prediction.
    - `steps`: taken.
    """

    card: Card
    prior: Card
    free: tuple[str, ...]
    shrinkage: dict[str, float]
    compared: tuple[SessionCompared, ...]
    steps: int

    def headline(self) -> Headline:
        """How many published effects lie inside their interval."""
        rows = [
            HeadlineRow(one.name, str(one.inside), f"of {one.n}", "inside")
            for one in later(f"{_TABLES}:session_coverage")(self)
        ]
        title = f"Fit of the effects of a session: {len(self.free)} parameters"
        note = "Published values inside their 90 % prediction intervals."
        return Headline(f"{title}, card {self.card.key}", tuple(rows), note)

    @property
    def metadata(self) -> dict[str, Any]:
        """Version and the hashes of both cards."""
        cards = {card.key: card.hash for card in (self.card, self.prior)}
        return {"ketasim": __version__, "cards": cards}

    def sources(self) -> tuple[str, ...]:
        """Keys of the sources of what was compared, and of the cards."""
        keys = [one.row.source for one in self.compared]
        keys += [*self.prior.sources(), *self.card.sources()]
        return tuple(sorted({key for key in keys if key}))

    def main_table(self) -> polars.DataFrame:
        """Every published effect beside its prediction."""
        return later(f"{_TABLES}:session_fit_table")(self)

    def files(self, *, command: str = _COMMAND) -> dict[str, bytes]:
        """What `save` writes: session.toml, fit.csv, parameters.csv and report.html.

        **Arguments:**

        - `command`: what the report says reproduces it.
        """
        report = later("ketasim.reports:session_calibration_report")
        return {
            "session.toml": write_card(self.card).encode(),
            "fit.csv": csv(self.main_table()),
            "parameters.csv": csv(later(f"{_TABLES}:session_parameter_table")(self)),
            "report.html": report(self, command=command).encode(),
        }

    def save(self, folder: str | Path, *, command: str = _COMMAND) -> list[Path]:
        """Write card, tables and report: all of them or none.

        **Arguments:**

        - `folder`: made if missing.
        - `command`: what the report says reproduces it.

        **Returns:** the files.

        **Raises:** `InputError` when the folder cannot be written to.
        """
        return saved(folder, self.files(command=command))


def compare_session(card: Card, prior: Card | None = None) -> SessionFit:
    """Put every published effect of a session beside a card's prediction.

    The intervals are those of `calibrate_session`, computed from the covariance that the card
    carries, in seconds.

    **Arguments:**

    - `card`: fitted, such as the shipped card `session`; carries an uncertainty.
    - `prior`: what it started from; left out, the shipped `session_prior`.

    **Returns:** what `calibrate_session` returned when the card was made, with 0 `steps`.

    **Raises:** `ValueError` when the card carries no uncertainty.
    """
    spread = card.uncertainty
    if spread is None:
        raise ValueError(f"the card {card.key} carries no uncertainty")
    before = load_card("session_prior") if prior is None else prior
    problem = SessionProblem(load_session_training(), before)
    values = card.values()
    natural, drug = problem.predict(values)
    scaled, free = problem.scaled(natural), problem.scaled(natural, bounded=False)
    covariance = spread.matrix()
    jacobian = problem.jacobian(values, spread.symbols, spread.scales)
    own = np.einsum("ij,jk,ik->i", jacobian, covariance, jacobian)
    sd = np.sqrt(problem.variance + np.diag(problem.between(values, drug)) + own)
    z = (problem.published - scaled) / sd
    compared: list[SessionCompared] = []
    for i, row in enumerate(problem.rows):
        ends = free[i] + _NINE_IN_TEN * sd[i] * np.array([-1.0, 1.0])
        # nothing measured here lies below zero but a change of pressure
        floor = -np.inf if row.what in PRESSURES and row.unit != "min" else 0.0
        low, high = (max(float(problem.unscaled(row, end)), floor) for end in ends)
        compared.append(SessionCompared(row, float(natural[i]), low, high, float(z[i])))
    wide: dict[str, float] = dict(before.extra["prior"])
    left = np.sqrt(np.diag(covariance)) / np.array([wide[s] for s in spread.symbols])
    shrinkage = {s: float(share) for s, share in zip(spread.symbols, left, strict=True)}
    return SessionFit(card, before, spread.symbols, shrinkage, tuple(compared), 0)
