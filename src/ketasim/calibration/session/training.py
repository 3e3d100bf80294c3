"""Published effects of sessions, each with how the calibration uses it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from ketasim.dosing import Course, load_course
from ketasim.evidence import Fact, facts, number

_TABLE = "acute/session_training"


@dataclass(frozen=True)
class SessionRow:
    """One published number on a session, and the people and doses it speaks of.

    **Arguments:**

    - `what`: an event of the model, `cadss`, `SBP`, `DBP` or `HR`.
    - `statistic`: as the source defines it. Of events `ever` (share of patients in some sessions),
      `sessions` (share of sessions), `share_at` (share of patients at a time), `peak_time`; of a
      score or pressure `mean_peak`, `mean_change` (largest mean change), `mean_at`, `mean_max`
      (mean of each patient's largest rise), `rise_ever` (share of patients with a rise of at
      least `cut` in some sessions).
    - `use`: fit or check. `study`: which rows share a study.
    - `drug`: `none` for a placebo. `route`, `doses`, `unit_of_dose`, `over`: of a session; several
      doses stand for equal shares of the people.
    - `ancestry`: of the people. `older`: whether they are 65 or more.
    - `sessions`: how many. `minute`: of the reading. `cut`: mmHg.
    - `value`, `low`, `high`: as published, in `unit`. `n`: people.
    - `comparator`, `comparator_n`: the same without the drug; nothing where none is published.
    - `facts`: ids of rows. `source`: key. `note`: what was taken how.
    """

    what: str
    statistic: str
    use: str
    study: str
    drug: str
    route: str
    doses: tuple[str, ...]
    unit_of_dose: str
    over: str
    ancestry: str
    older: bool
    sessions: int
    minute: float | None
    cut: float | None
    value: float
    low: float | None
    high: float | None
    n: float | None
    comparator: float | None
    comparator_n: float | None
    unit: str
    facts: tuple[str, ...]
    source: str
    note: str

    @property
    def courses(self) -> tuple[Course, ...]:
        """One session of each dose; none for a placebo."""
        if self.drug == "none":
            return ()
        return tuple(
            _course(
                f"{self.drug} {dose} {self.unit_of_dose} {self.route}", self.over, self.ancestry
            )
            for dose in self.doses
        )


@cache
def load_session_training() -> tuple[SessionRow, ...]:
    """Read the published effects of sessions that the calibration fits or compares."""
    return tuple(_row(row) for row in facts(_TABLE))


def _row(row: Fact) -> SessionRow:
    value = number(row.get("value"))
    assert value is not None, row.id
    return SessionRow(
        what=row.get("what"),
        statistic=row.get("statistic"),
        use=row.get("use"),
        study=row.get("study"),
        drug=row.get("drug"),
        route=row.get("route"),
        doses=row.listed("dose"),
        unit_of_dose=row.get("dose_unit"),
        over=row.get("over_min"),
        ancestry=row.get("ancestry"),
        older=row.get("age_group") == "from_65",
        sessions=int(row.get("sessions")),
        minute=number(row.get("minute")),
        cut=number(row.get("cut")),
        value=value,
        low=number(row.get("low")),
        high=number(row.get("high")),
        n=number(row.get("n")),
        comparator=number(row.get("comparator")),
        comparator_n=number(row.get("comparator_n")),
        unit=row.get("unit"),
        facts=row.listed("facts"),
        source=row.source,
        note=row.get("note"),
    )


@cache
def _course(regimen: str, over: str, ancestry: str) -> Course:
    """One session of a hundred virtual patients of the reference weight."""
    given = f"{regimen} over {over} min" if over else regimen
    document: dict[str, Any] = {
        "title": f"{given}, {ancestry}",
        "patient": {"ancestry": ancestry},
        "population": {"n": 100, "seed": 1},
        "regimen": given,
        "horizon": "1 d",
    }
    return load_course(document)
