"""Effects during and after a session, from the concentration at the effect site; no numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.evidence import source_name, with_source_names
from ketasim.models.declaration import Symbol

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SessionEvent:
    """Something a patient shows or reports, or does not, as its sources define it.

    **Arguments:**

    - `name`: as in tables, such as `dissociation_report`.
    - `title`: in words. `definition`: what the sources counted.
    - `threshold`: parameter, the effect at which the median patient shows it; empty for the one
      that is a score of the CADSS.
    - `habituates`: whether it falls over repeated sessions, as the CADSS does.
    """

    name: str
    title: str
    definition: str
    threshold: str
    habituates: bool = False


@dataclass(frozen=True)
class SessionModel:
    """Effects of a session: one drive, and what it does to scores, events and pressure.

    S-ketamine at the effect site drives, S-norketamine works against it by competition, R-ketamine
    adds nothing. The effect h is a share of the full effect; `describe()` prints the equations.
    """

    name: str
    title: str
    source: str
    parameters: tuple[Symbol, ...]
    events: tuple[SessionEvent, ...]
    site: str
    notes: tuple[str, ...] = ()

    def event(self, name: str) -> SessionEvent:
        """Return an event by its name.

        **Raises:** `KeyError` when there is none.
        """
        return {event.name: event for event in self.events}[name]

    def effect(self, values: Mapping[str, Any], s_ketamine: Any, s_norketamine: Any) -> Array:
        """Share of the full effect.

        **Arguments:**

        - `values`: the card's numbers, or arrays that broadcast with the concentrations.
        - `s_ketamine`, `s_norketamine`: ng/mL at the effect site, any common shape.

        **Returns:** h, 0 to 1, of that shape.
        """
        # rounding may leave a concentration a hair below zero
        drug = np.maximum(np.asarray(s_ketamine, np.float64), 0.0)
        against = 1.0 + np.maximum(np.asarray(s_norketamine, np.float64), 0.0) / values["C100"]
        power = (drug / (values["C50"] * against)) ** values["hill"]
        return 1.0 - 1.0 / (1.0 + power)

    def drug_high(self, values: Mapping[str, Any], s_ketamine: Any) -> Array:
        """Drug high on the visual analogue scale, 0 to `Emax_high`, from ng/mL of S-ketamine."""
        drug = np.maximum(np.asarray(s_ketamine, np.float64), 0.0)
        power = (drug / values["C50_high"]) ** values["hill_high"]
        return values["Emax_high"] * (1.0 - 1.0 / (1.0 + power))

    def pain_relief(self, values: Mapping[str, Any], s_ketamine: Any, s_norketamine: Any) -> Array:
        """Relief of experimental pain, cm of the visual analogue scale, zero or more."""
        net = values["pain_K"] * np.asarray(s_ketamine, np.float64)
        net = net - values["pain_NK"] * np.asarray(s_norketamine, np.float64)
        return np.clip(net, 0.0, values["pain_max"])

    def habituation(self, values: Mapping[str, Any], session: Any) -> Array:
        """What is left of the CADSS in the n-th session, counted from 1; 1 in the first."""
        before = np.asarray(session, np.float64) - 1.0
        floor = values["left"]
        return floor + (1.0 - floor) * np.exp(-before / values["sessions_A"])

    def describe(self) -> str:
        """The equation sheet as plain text."""
        lines = [f"{self.title} [{self.name}; source {source_name(self.source)}]", "", "Parameters"]
        lines += [f"  {p.name:<18} {p.unit:<9} {p.meaning}" for p in self.parameters]
        lines += ["", *_EQUATIONS, "", "Events"]
        lines += [f"  {e.name:<22} {e.title}: {e.definition}" for e in self.events]
        lines += ["", "Notes", *(f"  {with_source_names(note)}" for note in self.notes)]
        return "\n".join(lines)


_EQUATIONS: Final = (
    "Effect (S-ketamine K and S-norketamine NK at the effect site, ng/mL)",
    "  u = K/(C50*(1 + NK/C100));  h = u^hill/(1 + u^hill)",
    "Score of a patient in session s",
    "  CADSS = CADSS_full*a(s)*h*exp(p + v), at most CADSS_most;",
    "  a(s) = left + (1 - left)*exp(-(s - 1)/sessions_A)",
    "  p between patients, v between the sessions of one: normal, variances",
    "  omega^2*between and omega^2*(1 - between)",
    "Event k of a patient in session s",
    "  present while h*exp(p + v) > effect_k, with a(s) where it habituates",
    "Pressure and heart rate, change from before the dose",
    "  SBP = SBP_full*h*exp(g - omega_g^2/2), g normal with SD omega_g: the drug's part, which",
    "  curves and mean changes show; a reading is SBP + older_SBP (from 65) + e(t) - e(0),",
    "  e normal with SD sigma_SBP: what a placebo shows as well. DBP likewise; HR without both",
    "Drug high = Emax_high*v^hill_high/(1 + v^hill_high),  v = K/C50_high",
    "Pain relief = pain_K*K - pain_NK*NK, within 0 and pain_max",
)

_EVENTS: Final = (
    SessionEvent(
        "cadss_above_4",
        "CADSS above 4",
        "a CADSS above 4 that is higher than before the dose: 'any dissociation' of the label",
        "",
        habituates=True,
    ),
    SessionEvent(
        "dissociation_report",
        "dissociation reported",
        "dissociation as an adverse event that patients report in a trial",
        "effect_dis_report",
        habituates=True,
    ),
    SessionEvent(
        "dissociation_form",
        "dissociation on the monitoring form",
        "dissociation that staff tick on the form of the US monitoring programme",
        "effect_dis_form",
        habituates=True,
    ),
    SessionEvent(
        "sedation_moaas",
        "sedation, MOAA/S 4 or less",
        "a score of the modified observer's assessment of alertness and sedation below 5",
        "effect_sed_moaas",
    ),
    SessionEvent(
        "sedation_report",
        "sedation reported",
        "sedation as an adverse event that patients report in a trial",
        "effect_sed_report",
    ),
    SessionEvent(
        "sedation_form",
        "sedation on the monitoring form",
        "sedation that staff tick on the form of the US monitoring programme",
        "effect_sed_form",
    ),
    SessionEvent(
        "unconscious",
        "loss of consciousness, MOAA/S 0",
        "no response to a painful squeeze: MOAA/S of 0",
        "effect_unconscious",
    ),
    SessionEvent(
        "dizziness", "dizziness", "dizziness as an adverse event in a trial", "effect_dizziness"
    ),
    SessionEvent("nausea", "nausea", "nausea as an adverse event in a trial", "effect_nausea"),
    SessionEvent(
        "vomiting", "vomiting", "vomiting as an adverse event in a trial", "effect_vomiting"
    ),
)

SESSION: Final = SessionModel(
    name="session",
    title="Effects of a session",
    source="ketasim",
    parameters=(
        Symbol("C50", "ng/mL", "S-ketamine at the effect site with half of the full effect"),
        Symbol("C100", "ng/mL", "S-norketamine at the effect site that doubles the C50"),
        Symbol("hill", "-", "Hill coefficient of the effect"),
        Symbol("CADSS_full", "points", "CADSS at the full effect, median patient, first session"),
        Symbol("CADSS_most", "points", "highest score of the CADSS"),
        Symbol("CADSS_cut", "points", "CADSS above which the label counts dissociation"),
        Symbol("left", "fraction", "fraction of the CADSS left after many sessions"),
        Symbol("sessions_A", "sessions", "decay constant of habituation"),
        Symbol(
            "omega",
            "-",
            "variability of sensitivity, SD of its logarithm, between sessions included",
        ),
        Symbol("between", "fraction", "fraction of its variance between patients"),
        *(
            Symbol(event.threshold, "ratio", f"effect with {event.title}, median patient")
            for event in _EVENTS
            if event.threshold
        ),
        Symbol(
            "SBP_full", "mmHg", "increase in systolic pressure at the full effect, mean patient"
        ),
        Symbol(
            "DBP_full", "mmHg", "increase in diastolic pressure at the full effect, mean patient"
        ),
        Symbol("HR_full", "1/min", "increase in heart rate at the full effect, mean patient"),
        Symbol(
            "omega_g", "-", "between-patient variability of these increases, SD of the logarithm"
        ),
        Symbol("sigma_SBP", "mmHg", "variability of one systolic reading"),
        Symbol("sigma_DBP", "mmHg", "variability of one diastolic reading"),
        Symbol("older_SBP", "mmHg", "systolic increase also after placebo, from age 65"),
        Symbol("older_DBP", "mmHg", "diastolic increase also after placebo, from age 65"),
        Symbol("reading_1", "min", "first reading of the pressure after a nasal dose"),
        Symbol("reading_2", "min", "second reading"),
        Symbol("reading_3", "min", "third reading"),
        Symbol("Emax_high", "points", "highest drug high"),
        Symbol("C50_high", "ng/mL", "S-ketamine with half of the highest drug high"),
        Symbol("hill_high", "-", "Hill coefficient of the drug high"),
        Symbol("pain_K", "cm.mL/ng", "pain relief by S-ketamine"),
        Symbol("pain_NK", "cm.mL/ng", "pain relief opposed by S-norketamine"),
        Symbol("pain_max", "cm", "maximum pain relief on the scale"),
        Symbol("few", "fraction", "fraction of patients below which an effect counts as resolved"),
        Symbol("near_BP", "mmHg", "mean increase in blood pressure that counts as resolved"),
        Symbol("near_HR", "1/min", "mean increase in heart rate that counts as resolved"),
        Symbol("tau_study", "-", "between-study variability of all reported effects, probit scale"),
        Symbol("tau_event", "-", "between-study variability of one event, probit scale"),
        Symbol(
            "tau_gain", "-", "between-study variability of the blood pressure increase, relative"
        ),
    ),
    events=_EVENTS,
    site="effect",
    notes=(
        "One drive for all effects: that of external perception and pressure pain (olofsen2022),",
        "which S-ketamine carries alone and S-norketamine works against. For sedation, nausea,",
        "dizziness, pressure and cognition this is an assumption that the fit has to bear out.",
        "R-ketamine adds nothing; one study sees a part of it (jonkman2018).",
        "Only dissociation habituates; pressure does not (cvrepeat_pw), and for the others no",
        "size is published.",
        "Cognition is the effect itself as a share: no study in the evidence gives its size.",
    ),
)
"""The effects of a session, as declared here; their numbers are on the card `session`."""
