"""Replays: each published model beside the tables of its own paper and of its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ketasim._base import InputError, near
from ketasim.dosing import Dose, split_devices
from ketasim.engine import Concentrations, concentrations, peak
from ketasim.evidence import Fact, facts, interval, load_card, number
from ketasim.models import MODELS

Array = NDArray[np.float64]

_ADULT: Final = 70.0  # kg, the reference weight of the published models
_MINUTE: Final = 1.0 / 60.0
_LONG: Final = 5000.0  # h, by when every state has emptied or settled


@dataclass(frozen=True)
class ReplayRow:
    """One published number beside the model's.

    **Arguments:**

    - `study`: key of the model replayed.
    - `quantity`: what is compared, such as `esketamine Cmax`.
    - `stratum`: population, dose and route.
    - `published`, `predicted`: in `unit`; the middle of the range where a range was published.
    - `source`, `locator`: where the published number comes from.
    - `low`, `high`: the range or interval published with the number.
    - `note`: what limits the comparison.
    """

    study: str
    quantity: str
    stratum: str
    published: float
    predicted: float
    unit: str
    source: str
    locator: str
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        """Predicted over published."""
        return self.predicted / self.published

    @property
    def fold(self) -> float:
        """How many fold the two differ, one or more."""
        return max(self.ratio, 1.0 / self.ratio)


class Replay(Protocol):
    """A published study: its data rows and its simulation."""

    @property
    def key(self) -> str:
        """Key of the model and its card."""
        ...

    def rows(self) -> list[ReplayRow]:
        """The published numbers beside the simulated ones."""
        ...


def simulate(
    key: str,
    doses: Sequence[Dose],
    times: ArrayLike,
    *,
    weight: float = _ADULT,
    **covariates: float,
) -> Concentrations:
    """Typical prediction of a published model from its card.

    **Main arguments:**

    - `key`: model and card.
    - `doses`: what is given.
    - `times`: h, ascending, shape (T,).

    **Other arguments:**

    - `weight`: kg.
    - `covariates`: the model's other covariates, such as `AGE`.

    **Returns:** `Concentrations` of one patient.
    """
    values = {**load_card(key).values(), "WT": weight, **covariates}
    grid = np.asarray(times, dtype=np.float64)
    return concentrations(MODELS[key], values, doses, grid, np.array([weight]))


def derived(key: str, **covariates: float) -> Mapping[str, float]:
    """Parameters, covariates and definitions of a published model for one adult of 70 kg."""
    values = {"WT": _ADULT, **load_card(key).values(), **covariates}
    return {name: float(value) for name, value in MODELS[key].resolve(values).items()}


def _of_source(table: str, source: str) -> list[Fact]:
    return [fact for fact in facts(table) if fact.source == source]


def _one(table: str, source: str, **cells: str) -> Fact:
    """The only row of a table with these cells."""
    found = [
        fact
        for fact in _of_source(table, source)
        if all(fact.get(column) == text for column, text in cells.items())
    ]
    if len(found) != 1:
        raise LookupError(f"{len(found)} rows of {table} from {source} have {cells}")
    return found[0]


def _value(fact: Fact, column: str = "value") -> float:
    found = number(fact.get(column))
    if found is None:
        raise LookupError(f"{fact.id} holds no number")
    return found


def _minutes(last: int) -> Array:
    """Every minute from 0 to `last`, h."""
    return np.arange(last + 1, dtype=np.float64) / 60.0


def _infusion(drug: str, amount: float) -> list[Dose]:
    """`amount` mg/kg over 40 minutes."""
    return [Dose(0.0, drug, "iv", amount, "mg/kg", duration=40 * _MINUTE)]


@dataclass(frozen=True)
class PerezRuixo2021:
    """Table 4 of the paper: 18 strata of dose, age and ancestry, nasal devices 5 minutes apart.

    The age of the strata above 60 years is not reported. At 70 years the deviations are those of
    the strata without an age effect, so 70 is taken; one year changes the areas by 0.9 %.
    """

    key: str = "perezruixo2021"
    age_above_60: float = 70.0

    def devices(self, dose: float) -> tuple[Dose, ...]:
        """The nasal devices of a session of `dose` mg."""
        return split_devices(Dose(0.0, "esketamine", "intranasal", dose, "mg"), "dose")

    def covariates(self, population: str) -> dict[str, float]:
        """Covariates of a stratum, such as `>60 y, Asian Japanese`."""
        return {
            "AGE": self.age_above_60 if population.startswith(">60") else 60.0,
            "ASIAN": float("Asian" in population),
            "JAPANESE": float(population.endswith("Asian Japanese")),
        }

    def exposures(self, population: str, dose: float) -> dict[tuple[str, str], float]:
        """(analyte, metric) to ng/mL or ng*h/mL, as the paper names them."""
        solved = simulate(
            self.key,
            self.devices(dose),
            _minutes(24 * 60),
            **self.covariates(population),
        )
        found: dict[tuple[str, str], float] = {}
        for name, analyte in (("esketamine", "s_ketamine"), ("noresketamine", "s_norketamine")):
            curve, area = (part[analyte, "venous"] for part in (solved.values, solved.areas))
            breaks = [device.time for device in self.devices(dose)]
            found[name, "Cmax"] = float(peak(solved.times, curve, breaks=breaks)[0][0])
            found[name, "AUC0-24"] = float(area[-1, 0])
        return found

    def rows(self) -> list[ReplayRow]:
        """Cmax and AUC0-24 of both analytes in all strata, and the paper's derived quantities."""
        table = _of_source("pk/observed", self.key)
        strata = dict.fromkeys((fact.get("population"), _value(fact, "dose")) for fact in table)
        predicted = {stratum: self.exposures(*stratum) for stratum in strata}
        rows: list[ReplayRow] = []
        for fact in table:
            population, dose = fact.get("population"), _value(fact, "dose")
            analyte, metric = fact.get("analyte"), fact.get("metric")
            notes: list[str] = []
            if analyte == "noresketamine" and metric == "AUC0-24":
                notes.append("does not follow from the paper's own Table 3, as others report too")
            if population.startswith(">60"):
                notes.append(f"age not reported; {self.age_above_60:g} years, derived by fit")
            rows.append(
                ReplayRow(
                    self.key,
                    f"{analyte} {metric}",
                    f"{population}, {dose:g} mg nasal",
                    _value(fact),
                    predicted[population, dose][analyte, metric],
                    fact.get("unit"),
                    fact.source,
                    fact.get("locator"),
                    note="; ".join(notes),
                )
            )
        return rows + self._abstract()

    def _abstract(self) -> list[ReplayRow]:
        adult = derived(self.key, **self.covariates("18-60 y, Caucasian"))
        young = self.covariates("18-60 y, Caucasian")
        infusion = [Dose(0.0, "esketamine", "iv", 28.0, "mg", duration=0.5)]
        at = ("s_ketamine", "venous")
        per_mg = simulate(self.key, infusion, [0.0, _LONG], **young).areas[at][-1, 0] / 28.0

        def nasal(dose: float) -> float:
            solved = simulate(self.key, self.devices(dose), [0.0, _LONG], **young)
            return float(solved.areas[at][-1, 0] / dose / per_mg) * 100

        predicted = {
            ("esketamine", "Vss", ""): adult["Vc"] + adult["Vp1"] + adult["Vp2"],
            ("esketamine", "CL", ""): adult["CL"],
            ("noresketamine", "Vss", ""): adult["Vcn"] + adult["Vpn"],
            ("noresketamine", "CL", ""): adult["CLn_i"],
            ("esketamine", "Fsw", ""): 100 * adult["Fgut"] * (1 - adult["E"]),
            ("esketamine", "F", "56 mg"): nasal(56.0),
            ("esketamine", "F", "84 mg"): nasal(84.0),
        }
        rows: list[ReplayRow] = []
        for (analyte, symbol, dose), value in predicted.items():
            (fact,) = (
                fact
                for fact in _of_source("pk/models", self.key)
                if fact.get("locator") == "abstract"
                and fact.get("symbol") == symbol
                and fact.get("analyte") == analyte
                and fact.get("parameter").endswith(dose)
            )
            rows.append(
                ReplayRow(
                    self.key,
                    f"{analyte} {symbol}",
                    dose or "typical adult",
                    _value(fact),
                    value,
                    fact.get("unit"),
                    fact.source,
                    "abstract",
                )
            )
        return rows


@dataclass(frozen=True)
class Simons2022:
    """Table 2 of the paper: oral film of 50 or 100 mg, then 20 mg over 20 min 6 h later.

    The means observed beside the typical prediction at 70 kg. Twice the film dose gave 1.5 times
    the S-ketamine peak, while the model is linear: it lies between the two doses.
    """

    key: str = "simons2022"

    def doses(self, film: float) -> list[Dose]:
        """The film and the infusion of one visit."""
        return [
            Dose(0.0, "esketamine", "sublingual", film, "mg"),
            Dose(6.0, "esketamine", "iv", 20.0, "mg", duration=20 * _MINUTE),
        ]

    def exposures(self, film: float) -> dict[tuple[str, str, str], float]:
        """(analyte, route, metric) to the unit of the paper."""
        solved = simulate(self.key, self.doses(film), _minutes(8 * 60))
        names = {
            "S-ketamine": "s_ketamine",
            "S-norketamine": "s_norketamine",
            "S-hydroxynorketamine": "s_hnk",
        }
        breaks = [load_card(self.key).values()["D1"], 6.0, 6.0 + 20 * _MINUTE]
        found: dict[tuple[str, str, str], float] = {}
        # up to the minute before the infusion: its first instant belongs to it
        before = solved.times < 6.0 - _MINUTE / 2
        for analyte, name in names.items():
            curve = solved.values[name, "arterial"]
            height, when = peak(solved.times[before], curve[before], breaks=breaks)
            six = int(np.searchsorted(solved.times, 6.0))
            found[analyte, "film", "Cmax"] = float(height[0])
            found[analyte, "film", "Tmax"] = float(when[0]) * 60
            found[analyte, "film", "AUC0-6h"] = float(solved.areas[name, "arterial"][six, 0]) * 60
            height, _ = peak(solved.times[~before], curve[~before], breaks=breaks)
            found[analyte, "IV", "Cmax"] = float(height[0])
        return found

    def rows(self) -> list[ReplayRow]:
        """Cmax, Tmax and AUC0-6h of three analytes after the films; the peak of the infusion."""
        predicted = {film: self.exposures(film) for film in (50.0, 100.0)}
        rows: list[ReplayRow] = []
        for fact in _of_source("pk/observed", self.key):
            route = {"sublingual/buccal OTF": "film", "IV": "IV"}.get(fact.get("route"), "")
            dose, metric = number(fact.get("dose")), fact.get("metric")
            film = 100.0 if "after 100 mg" in fact.get("locator") or dose == 100 else 50.0
            value = predicted[film].get((fact.get("analyte"), route, metric))
            if dose is None or value is None:
                continue
            span = interval(fact.get("spread"))
            rows.append(
                ReplayRow(
                    self.key,
                    f"{fact.get('analyte')} {metric}",
                    f"{film:g} mg film" if route == "film" else f"20 mg IV after {film:g} mg film",
                    _value(fact),
                    value,
                    fact.get("unit"),
                    fact.source,
                    fact.get("locator"),
                    low=span[0] if span else None,
                    high=span[1] if span else None,
                    note="mean observed, typical predicted",
                )
            )
        return rows


@dataclass(frozen=True)
class Ashraf2018:
    """Oral S-ketamine with and without ticlopidine, against the trial the model was built on."""

    key: str = "ashraf2018"
    ticlopidine: float = 250.0

    def area(self, route: str, ticlopidine: float) -> float:
        """Area under S-ketamine after 0.2 mg/kg, ng*h/mL, to the end."""
        dose = [Dose(0.0, "esketamine", route, 0.2, "mg/kg")]
        solved = simulate(self.key, dose, [0.0, _LONG], TICLOPIDINE=ticlopidine)
        return float(solved.areas["s_ketamine", "venous"][-1, 0])

    def rows(self) -> list[ReplayRow]:
        """The measured rise of the oral area; oral bioavailability beside another study's."""
        trial = _one("pk/interactions", "peltoniemi2011", perpetrator="ticlopidine")
        fanta = _one("pk/observed", "fanta2015", metric="F")
        return [
            ReplayRow(
                self.key,
                "S-ketamine AUC, ticlopidine over none",
                "0.2 mg/kg oral, ticlopidine 250 mg twice daily",
                _value(trial, "ratio"),
                self.area("oral", self.ticlopidine) / self.area("oral", 0.0),
                "ratio",
                trial.source,
                trial.get("locator"),
                note="the measured ratio is of 11 people, the model's limit is 1/(1 - fm)",
            ),
            ReplayRow(
                self.key,
                "S-ketamine F oral",
                "oral, no ticlopidine",
                _value(fanta),
                100 * self.area("oral", 0.0) / self.area("iv", 0.0),
                fanta.get("unit"),
                fanta.source,
                fanta.get("locator"),
                note="another study's estimate",
            ),
        ]


def _clinic(key: str, drug: str, amount: float, times: float, site: str, why: str) -> ReplayRow:
    """The end of 0.5 mg/kg racemic over 40 min beside what was seen in depression."""
    fact = _one("pk/observed", "zanos2018", population="depression (Zarate 2006 as cited)")
    span = _one("pk/observed", "zanos2018", population="healthy (Krystal 1994 as cited)")
    low, high = interval(span.get("value")) or (None, None)
    end = simulate(key, _infusion(drug, amount), [0.0, 40 * _MINUTE])
    return ReplayRow(
        key,
        "ketamine at the end of the infusion",
        "0.5 mg/kg racemic over 40 min",
        _value(fact),
        times * float(end.values["ketamine", site][-1, 0]),
        fact.get("unit"),
        fact.source,
        fact.get("locator"),
        low=low,
        high=high,
        note=why,
    )


@dataclass(frozen=True)
class Otto2021:
    """S-ketamine of Fanta 2015 with the metabolite of Otto 2021."""

    key: str = "otto2021"

    def rows(self) -> list[ReplayRow]:
        """Clearance beside that of the abstract, and the end of the clinical infusion."""
        fact = _one("pk/observed", "fanta2015", metric="CL")
        dose = 0.125 * _ADULT
        solved = simulate(self.key, [Dose(0.0, "esketamine", "iv", 0.125, "mg/kg")], [0.0, _LONG])
        area = float(solved.areas["s_ketamine", "venous"][-1, 0])
        return [
            ReplayRow(
                self.key,
                "S-ketamine CL",
                "0.125 mg/kg IV, 70 kg",
                _value(fact),
                1000 * dose / area,
                fact.get("unit"),
                fact.source,
                fact.get("locator"),
            ),
            _clinic(
                self.key, "esketamine", 0.25, 2.0, "venous", "venous; twice the S-ketamine of half"
            ),
        ]


@dataclass(frozen=True)
class Fanta2015(Otto2021):
    """S-ketamine alone; the paper's NK:K ratio of 16.5 is after oral doses, not replayed."""

    key: str = "fanta2015"


@dataclass(frozen=True)
class Pooled:
    """A model of racemic ketamine beside the pooled clearance and volume of the meta-analysis.

    Clearance and steady-state volume are taken from the simulation of a long infusion.
    """

    key: str
    site: str
    why: str

    def disposition(self) -> tuple[float, float]:
        """Clearance, L/h, and steady-state volume, L, of an adult of 70 kg."""
        hours, rate = 1000.0, 10.0
        infusion = [Dose(0.0, "ketamine", "iv", rate * hours, "mg", duration=hours)]
        solved = simulate(self.key, infusion, [0.0, hours, _LONG])
        at = ("ketamine", self.site)
        plateau = float(solved.values[at][1, 0]) / 1000.0
        # what is still in the body when the infusion ends is cleared afterwards
        after = float(solved.areas[at][2, 0] - solved.areas[at][1, 0]) / 1000.0
        clearance = rate / plateau
        return clearance, clearance * after / plateau

    def rows(self) -> list[ReplayRow]:
        """Clearance, volume and the end of the clinical infusion."""
        clearance, volume = self.disposition()
        rows: list[ReplayRow] = []
        for symbol, value in (("Vd", volume), ("CL", clearance)):
            fact = _one("pk/models", "kamp2020anes", symbol=symbol)
            span = interval(fact.get("iiv_type").removeprefix("95% CI "))
            assert span is not None
            rows.append(
                ReplayRow(
                    self.key,
                    f"ketamine {symbol}",
                    "meta-analysis of 18 studies, 70 kg",
                    _value(fact),
                    value,
                    fact.get("unit"),
                    fact.source,
                    fact.get("locator"),
                    low=span[0],
                    high=span[1],
                    note="95% CI of the weighted mean",
                )
            )
        return [*rows, _clinic(self.key, "ketamine", 0.5, 1.0, self.site, self.why)]


@dataclass(frozen=True)
class Domino1982(Pooled):
    """The micro-constants of the anaesthesia simulators, also at the anaesthetic dose."""

    key: str = "domino1982"
    site: str = "venous"
    why: str = "micro-constants from bolus doses"

    def rows(self) -> list[ReplayRow]:
        """As for every pooled model, and five minutes after 2 mg/kg."""
        fact = _one("pk/observed", "zanos2018", population="general anaesthesia (various)")
        span = interval(fact.get("value"))
        assert span is not None
        solved = simulate(self.key, [Dose(0.0, "ketamine", "iv", 2.0, "mg/kg")], [0.0, 5 * _MINUTE])
        bolus = ReplayRow(
            self.key,
            "ketamine 5 min after the bolus",
            "2 mg/kg IV",
            sum(span) / 2,
            float(solved.values["ketamine", self.site][-1, 0]),
            fact.get("unit"),
            fact.source,
            fact.get("locator"),
            low=span[0],
            high=span[1],
            note="published as a range at 1-2 mg/kg without its time after the dose",
        )
        return [*super().rows(), bolus]


@dataclass(frozen=True)
class Flint2017:
    """No exposure of the paper is in the evidence: the plateau of its printed clearance."""

    key: str = "flint2017"
    weight: float = 15.0

    def rows(self) -> list[ReplayRow]:
        """The plateau of 1 mg/kg/h in a child beside the rate over the printed clearance."""
        fact = _one("pk/models", self.key, symbol="CL")
        hours = 96.0  # many half-lives of the central compartment's slowest phase
        infusion = [Dose(0.0, "esketamine", "iv", hours, "mg/kg", duration=hours)]
        solved = simulate(self.key, infusion, [0.0, hours], weight=self.weight)
        clearance = _value(fact) * (self.weight / _ADULT) ** 0.75
        return [
            ReplayRow(
                self.key,
                "S-ketamine at the plateau",
                f"1 mg/kg/h, {self.weight:g} kg",
                1000.0 * self.weight / clearance,
                float(solved.values["s_ketamine", "venous"][-1, 0]),
                "ng/mL",
                fact.source,
                fact.get("locator"),
                note="from the printed clearance; no exposure of the paper is in the evidence",
            )
        ]


_STUDIES: Final[tuple[Replay, ...]] = (
    PerezRuixo2021(),
    Simons2022(),
    Otto2021(),
    Fanta2015(),
    Ashraf2018(),
    Pooled("kamp2020", "arterial", "arterial, while clinic samples are mostly venous"),
    Flint2017(),
    Domino1982(),
    Pooled("clements1981", "venous", "micro-constants from bolus doses"),
)


@cache
def _rows(key: str) -> tuple[ReplayRow, ...]:
    (study,) = (study for study in _STUDIES if study.key == key)
    return tuple(study.rows())


def replay(key: str) -> list[ReplayRow]:
    """Replay one published model.

    **Arguments:**

    - `key`: its name, such as `perezruixo2021`.

    **Returns:** the published numbers beside the model's.

    **Raises:** `InputError` when nothing is replayed under that name.
    """
    keys = [study.key for study in _STUDIES]
    if key not in keys:
        raise InputError("replay", f"unknown study '{key}'", near(key, keys))
    return list(_rows(key))


def replay_all() -> list[ReplayRow]:
    """Replay every published model, in one list."""
    return [row for study in _STUDIES for row in replay(study.key)]
