"""The training table: every observed exposure, whether it enters the joint fit, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

from ketasim.dosing import Dose, split_devices
from ketasim.evidence import load_table


@dataclass(frozen=True)
class Design:
    """How an exposure was obtained.

    **Arguments:**

    - `drug`, `route`: as in `ketasim.dosing`.
    - `dose`, `dose_unit`: number and `mg`, `mg/kg` or `mg/kg/h`; or one of two written schedules.
    - `over`: h; duration of the infusion, 0 for a bolus.
    - `weight`: kg. `age`: years. `ancestry`: white, asian or japanese.
    """

    drug: str
    route: str
    dose: str
    dose_unit: str
    over: float
    weight: float
    age: float
    ancestry: str

    def doses(self) -> tuple[Dose, ...]:
        """The doses given, nasal esketamine split into devices."""
        if self.dose.startswith("20 at 6 h after film "):
            film = float(self.dose.rsplit(" ", 1)[1])
            return (
                Dose(0.0, self.drug, "sublingual", film, "mg"),
                Dose(6.0, self.drug, "iv", 20.0, "mg", duration=self.over),
            )
        if self.dose == "2 mg/kg then 41 ug/kg/min":
            return (
                Dose(0.0, self.drug, "iv", 2.0, "mg/kg"),
                Dose(0.0, self.drug, "iv", 0.041 * 60 * self.over, "mg/kg", duration=self.over),
            )
        if " then " in self.dose:
            rates = self.dose.removesuffix(" mg/kg/h").split(" then ")
            return tuple(
                Dose(
                    n * self.over,
                    self.drug,
                    "iv",
                    float(rate) * self.over,
                    "mg/kg",
                    duration=self.over,
                )
                for n, rate in enumerate(rates)
            )
        amount, unit = float(self.dose), self.dose_unit
        if unit == "mg/kg/h":
            amount, unit = amount * self.over, "mg/kg"
        whole = Dose(0.0, self.drug, self.route, amount, unit, duration=self.over)
        return split_devices(whole, "dose")

    def breaks(self) -> tuple[float, ...]:
        """Times at which an injection or infusion starts or ends, h: corners of the curve."""
        doses = self.doses()
        return tuple(d.time for d in doses) + tuple(d.time + d.duration for d in doses)

    def covariates(self) -> dict[str, float]:
        """Covariates of the reference model for this design, enzymes undisturbed."""
        return {
            "WT": self.weight,
            "AGE": self.age,
            "ASIAN": float(self.ancestry in ("asian", "japanese")),
            "JAPANESE": float(self.ancestry == "japanese"),
            "act_2B6": 1.0,
            "act_3A": 1.0,
            "act_gut": 1.0,
            "act_liver": 1.0,
            "act_N": 1.0,
        }


@dataclass(frozen=True)
class TrainingRow:
    """One observed exposure.

    **Arguments:**

    - `fact`: id of the row, such as `pk/observed:137`.
    - `source`: source key.
    - `use`: `fit` (enters the joint fit), `timing` (enters it, reported apart), `check` (compared
      only) or `out`.
    - `group`: measured, label, cited in a review, or published model.
    - `design`: None for rows that are out.
    - `analyte`, `site`, `metric`, `until`: what was observed; `until` in h for areas and samples.
    - `value`, `unit`: the number in ng/mL, ng*h/mL, h, L/h, L or a fraction.
    - `log_sd`: standard deviation of its logarithm, sampling and differences between studies.
    - `reason`: why it is treated so.
    """

    fact: str
    source: str
    use: str
    group: str
    design: Design | None
    analyte: str
    site: str
    metric: str
    until: float
    value: float
    unit: str
    log_sd: float
    reason: str


@cache
def load_training() -> tuple[TrainingRow, ...]:
    """Read the training table, one row for every row of `pk/observed`."""
    observed = load_table("pk/observed").to_dicts()
    rules = load_table("pk/training").to_dicts()
    return tuple(_row(rule, observed[int(rule["row"]) - 1]["source"]) for rule in rules)


def _row(rule: dict[str, Any], source: str) -> TrainingRow:
    text = {key: value or "" for key, value in rule.items()}
    used = text["use"] != "out"
    design = None
    if used:
        design = Design(
            drug=text["drug"],
            route=text["route"],
            dose=text["dose"] or "1",
            dose_unit=text["dose_unit"] or "mg",
            over=float(text["over_min"] or 0.0) / 60.0,
            weight=float(text["weight_kg"] or 70.0),
            age=float(text["age"] or 40.0),
            ancestry=text["ancestry"] or "white",
        )
    return TrainingRow(
        fact=f"pk/observed:{text['row']}",
        source=source,
        use=text["use"],
        group=text["group"],
        design=design,
        analyte=text["analyte"],
        site=text["site"],
        metric=text["metric"],
        until=float(text["until_h"] or "inf"),
        value=float(text["value"]) if used else math.nan,
        unit=text["unit"],
        log_sd=float(text["log_sd"]) if used else math.nan,
        reason=text["reason"],
    )
