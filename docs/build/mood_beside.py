"""What the package shows beside a course: the arms that were studied, and what is predicted there.

The two tables are data of the package, not of the pages, so that a report has them at hand.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ketasim.calibration.mood import rows_by
from ketasim.dosing import load_studies
from ketasim.evidence import load_card
from ketasim.simulation.mood.studied import of_arm

DATA = Path(__file__).parents[2] / "src" / "ketasim" / "evidence" / "data" / "mood"
ARMS, PREDICTED = DATA / "studied_arms.csv", DATA / "predicted.csv"


def compute() -> None:
    """Write both tables: the arms from the trial files, the predictions by the card `mood`."""
    arms().write_csv(ARMS)
    predicted = [
        {"row_id": one.row.key, "predicted": one.predicted, "sd": one.sd}
        for one in rows_by(load_card("mood"))
    ]
    pl.DataFrame(predicted).with_columns(pl.col(pl.Float64).round_sig_figs(4)).write_csv(PREDICTED)


def arms() -> pl.DataFrame:
    """Return the arms of the trial files as text."""
    rows = [of_arm(trial, arm).to_row() for trial in load_studies() for arm in trial.arms]
    return pl.DataFrame(rows).with_columns(pl.all().replace("", None))
