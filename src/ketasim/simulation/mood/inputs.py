"""What a course says of mood, as model parameters: situation, baseline, stress, switches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing import STRESS, Course, load_course
from ketasim.engine import Calendar, Patients, solve
from ketasim.evidence import Card, Entry, facts, load_card, number, source_name, source_names
from ketasim.evidence import fact as look_up
from ketasim.models import MODELS, MOOD_PARAMETERS, mood_chain
from ketasim.population import (
    MOOD_SPREADS,
    NOISE_SYMBOLS,
    OLDER,
    USUAL_CONTROL,
    Cohort,
    Situation,
    Treatment,
    VisitNoise,
    convertible,
    crosswalk,
    first_session_effect,
    in_usual_comparison,
    mood_effects,
    mood_values,
    receptor_values,
    response_chance,
    session_answers,
    session_marks,
    session_normals,
    to_madrs,
    typical_effects,
    virtual_patients,
)
from ketasim.simulation.mood.published import medicine_warnings, switch_warning
from ketasim.vocabulary import scale_words

Array = NDArray[np.float64]

PARTS: Final = ("by_drug", "by_expectation", "by_antidepressant", "by_course")
"""Parts of the improvement, as the chain names them."""

TYPICAL_INFUSION: Final = "ketamine 0.5 mg/kg iv over 40 min once"
"""The session by which the switches are sized, that of most published trials."""

DEPRESSION: Final = ("mdd", "trd", "bipolar", "suicidality")
"""Diagnoses of the patients to whose trials the chain was fitted."""

_HIGHEST = 60.0
_TWO_WEEKS = 336.0  # h, when the published shares with and without rapamycin were counted
_TRIED = tuple(float(f) for f in np.geomspace(1.0, 0.02, 12))
_DRAWN = 200  # patients behind a share
_ADULT = 18.0
_REMISSION = 12.0  # points


@dataclass(frozen=True)
class MoodInput:
    """The numbers of a course's chain to mood, and why they are what they are.

    **Arguments:**

    - `card`: the card `mood`.
    - `situation`: what decides on expectation.
    - `baseline`: MADRS before treatment, points.
    - `factors`, `settings`: symbol to what its number is multiplied by, or replaced with.
    - `reasons`: symbol of these to grade and sentence.
    - `assumed`: field of the course and what was assumed, in a sentence.
    - `warnings`: what the reader must know.
    - `sources`: keys of sources beside those of the card.
    """

    card: Card
    situation: Situation
    baseline: float
    factors: Mapping[str, float] = field(default_factory=dict[str, float])
    settings: Mapping[str, float] = field(default_factory=dict[str, float])
    reasons: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    assumed: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def numbers(self, drawn: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Parameters of the mood model.

        **Arguments:**

        - `drawn`: of the card, such as draws within its uncertainty; its values when left out.
        """
        found: dict[str, Any] = {**(self.card.values() if drawn is None else drawn)}
        found |= {symbol: factor * found[symbol] for symbol, factor in self.factors.items()}
        return found | dict(self.settings)

    def acting(self, typical: bool) -> tuple[Entry, ...]:
        """Entries of the card that act on this course, with the numbers used.

        **Arguments:**

        - `typical`: without between-patient variability.
        """
        off = {"w_HNK", "w_5HT", "gate"} - set(self.settings)
        if not self.situation.new_antidepressant:
            off |= {"kO", "e_O", "omega_O", "share_none_O"}
        chain = [s.name for s in MOOD_PARAMETERS]
        names = [*chain, "k_session", *self.situation.symbols]
        names += ["f_old"] if self.situation.older else []
        if not typical:
            names += [*MOOD_SPREADS.values(), "omega_A", "share_none", "share_none_O", "rho"]
            names += NOISE_SYMBOLS
        used = self.numbers()
        entries = self.card.entries
        found: list[Entry] = []
        for name in names:
            if name in entries and name not in off:
                entry = entries[name]
                if name in self.reasons:
                    grade, why = self.reasons[name]
                    entry = replace(entry, value=float(used[name]), grade=grade, note=why)  # type: ignore[arg-type]
                found.append(entry)
        return tuple(found)


def mood_input(course: Course) -> MoodInput:
    """Read what a course says of mood.

    **Arguments:**

    - `course`: with patient, medicines and the key `mood`.

    **Raises:** `InputError` when the baseline is of a scale without a cross-walk, or no depression
    at all.
    """
    card, patient, options = load_card("mood"), course.patient, course.mood
    assumed: list[tuple[str, str]] = []
    sources: list[str] = []
    if patient.baseline is None:
        baseline, count, keys = published_baseline()
        names = source_names(keys).split("; ")
        # several trials may stand in one publication
        told = "" if len(names) == count else f" in {len(names)} publications"
        text = (
            f"Baseline not given: a MADRS of {baseline:.1f} is assumed, the "
            f"mean of {count} published trials{told} ({'; '.join(names)})."
        )
        assumed.append(("patient.baseline", text))
        sources += keys
    else:
        baseline = _baseline(patient.baseline.scale, patient.baseline.score)
        sources += crosswalk(patient.baseline.scale).sources
    if patient.setting is None:
        text = "The setting is not given: an outpatient is assumed (affects expectation)."
        assumed.append(("patient.setting", text))
    if options.background is None:
        text = "No concomitant oral antidepressant is named: none is assumed."
        if course.background == "continued":
            text = "The oral antidepressant is assumed to be continued from before."
        assumed.append(("mood.background", text))
    if not options.blinded and "blinded" not in options.model_fields_set:
        assumed.append(("mood.blinded", "Open-label treatment is assumed."))
    if course.age is None:
        text = f"The age is not given: effects are those below age {OLDER:g}."
        assumed.append(("patient.age", text))
    among = _blinded(course, assumed) if options.blinded else ()
    situation = Situation(
        among=among,
        setting=patient.setting or "outpatient",
        background=course.background,
        older=course.age is not None and course.age >= OLDER,
    )
    found = MoodInput(card, situation, baseline)
    factors, settings, reasons, warnings = _changes(course)
    rapamycin, said = medicine_warnings(patient.medicines)
    warnings += said
    if rapamycin is not None:
        factor = loss_factor(rapamycin)
        with_it, without = _percents(rapamycin)
        cited = source_name(look_up(rapamycin).source)
        told = f"{with_it:g} against {without:g} % responders at 14 days ({cited})"
        if factor is None:
            warnings.append(
                f"Rapamycin: published: {told}; no slower loss of synapses gives such an effect in "
                "the model, so nothing is computed."
            )
        else:
            factors["kS"] = factor
            why = (
                f"Rapamycin: {factor:.2g} times the card's value, which changes the odds of a "
                f"response at 14 days to the published ones, {told}; one study of 20 patients, one "
                "dose before one infusion; assumed to last for the entire course."
            )
            reasons["kS"] = ("derived", why)
            warnings.append(why)
    if patient.diagnosis is not None and patient.diagnosis not in DEPRESSION:
        warnings.append(
            f"The mood model was fitted to depression: for '{patient.diagnosis}' the MADRS is "
            "what the same receptor block would give in depression."
        )
    base = patient.baseline
    other = base is not None and base.scale != "MADRS"
    measured = f" ({scale_words(base.scale)} {base.score:g})" if base is not None and other else ""
    warnings += _outside(baseline, measured)
    if course.age is not None and course.age < _ADULT:
        warnings.append("The mood model was fitted to adults; this patient is younger.")
    return replace(
        found,
        factors=factors,
        settings=settings,
        reasons=reasons,
        assumed=tuple(assumed),
        warnings=tuple(dict.fromkeys((*situation.notes, *warnings))),
        sources=tuple(dict.fromkeys(sources)),
    )


def _blinded(course: Course, assumed: list[tuple[str, str]]) -> tuple[Treatment, ...]:
    """What a patient who does not know it may be given; adds what is assumed of it."""
    doses = course.regimen.doses
    if not doses:
        return ()
    cohort = virtual_patients(course, load_card("reference"), MODELS["reference"], typical=True)
    route = min(doses, key=lambda dose: dose.time).route
    control = USUAL_CONTROL[route].replace("_", " ")
    text = f"Blinded: that half of the patients get {control} in place of the drug is assumed."
    assumed.append(("mood.blinded", text))
    return in_usual_comparison(route, first_session_effect(doses, cohort.values, cohort.weight))


def _baseline(scale: str, score: float) -> float:
    if scale not in convertible():
        raise InputError(
            "patient.baseline.scale",
            f"no published cross-walk links {scale} and MADRS",
            "use one of: " + ", ".join(convertible()),
        )
    found = float(to_madrs(scale, score))
    if found <= 0.0:
        raise InputError(
            "patient.baseline.score",
            f"{score:g} on {scale} means no depression",
            "give the score before treatment",
        )
    return found


def _outside(baseline: float, measured: str) -> list[str]:
    """What must be said of a score that the published trials do not hold, with that measured."""
    low, high = published_baselines()
    if low <= baseline <= high:
        return []
    text = (
        f"A MADRS of {baseline:.1f}{measured} before treatment is outside {low:.0f}-{high:.0f}, "
        "the means of the published trials: this is an extrapolation."
    )
    already = " It is within remission before treatment, so remission rates are not meaningful."
    return [text + (already if baseline <= _REMISSION else "")]


@cache
def published_baselines() -> tuple[float, float]:
    """Lowest and highest mean MADRS before treatment of an arm of the published trials, points."""
    values = [
        to_madrs(row.get("scale"), value)
        for row in facts("mood/training")
        if row.get("metric") == "baseline" and row.get("scale") in convertible()
        for value in [number(row.get("value"))]
        if value is not None
    ]
    return min(values), max(values)


@cache
def published_baseline() -> tuple[float, int, tuple[str, ...]]:
    """MADRS before treatment in the published trials.

    **Returns:** points, the mean over trials of the mean over their arms; number of trials; and
    source keys.
    """
    trials: dict[str, list[float]] = {}
    keys: dict[str, None] = {}
    for row in facts("mood/training"):
        value = number(row.get("value"))
        if row.get("metric") == "baseline" and row.get("scale") in convertible():
            assert value is not None
            trials.setdefault(row.get("trial"), []).append(to_madrs(row.get("scale"), value))
            keys[row.source] = None
    return float(np.mean([np.mean(arms) for arms in trials.values()])), len(trials), tuple(keys)


def _changes(
    course: Course,
) -> tuple[dict[str, float], dict[str, float], dict[str, tuple[str, str]], list[str]]:
    """Numbers that the options change, why, and what must be said of it."""
    options = course.mood
    factors: dict[str, float] = {}
    settings: dict[str, float] = {}
    reasons: dict[str, tuple[str, str]] = {}
    warnings: list[str] = []
    if options.stress != STRESS["usual"]:
        factors["stress"] = options.stress
        why = (
            f"Stress is {options.stress:g} times that of the card: the effect size is assumed; "
            "no human "
            "data link stress and the duration of the effect."
        )
        reasons["stress"] = ("assumed", why)
        warnings.append(why)
    switches = options.switches
    if switches.opioid_gate == "naltrexone":
        settings["gate"] = 0.0
        why = "complete block assumed: no drug effect on mood remains"
        reasons["gate"] = ("assumed", f"Switch opioid_gate: {why}.")
        warnings.append(switch_warning("opioid_gate", why))
    for name, symbol, arm in (
        ("serotonin", "w_5HT", "the neurotrophic drive"),
        ("hydroxynorketamine", "w_HNK", "the fast arm"),
    ):
        if getattr(switches, name) == "on":
            settings[symbol] = arm_weights()[symbol]
            why = (
                f"its weight is assumed such that after 0.5 mg/kg over 40 min in a typical "
                f"patient it adds to {arm} as much as the receptor block, in addition to what "
                "was fitted "
                "without it"
            )
            reasons[symbol] = ("assumed", f"Switch {name}: {why}.")
            warnings.append(switch_warning(name, why))
    if switches.dissociation == "on":
        why = (
            "direction only, nothing is computed: the published correlations are with "
            "observed dissociation, which the model does not include"
        )
        warnings.append(switch_warning("dissociation", why))
    return factors, settings, reasons, warnings


def patients_of(
    cohort: Cohort, numbers: Mapping[str, Any], values: Mapping[str, Any], calendar: Calendar
) -> Patients:
    """Patients of the whole chain, from dose to mood.

    **Arguments:**

    - `cohort`: with the numbers of the reference model.
    - `numbers`: of the card `mood`. `values`: as `mood_values` returns them.
    - `calendar`: doses and session marks.
    """
    everything: dict[str, Any] = {
        **cohort.values,
        **receptor_values(),
        "k_session": numbers["k_session"],
        **values,
    }
    return Patients(everything, cohort.weight, (calendar,))


def calendar_of(course: Course, horizon: float) -> Calendar:
    """Doses and session marks of a course.

    **Arguments:**

    - `course`: with a regimen. `horizon`: h, how long it is followed.
    """
    starts = [start for start in course.regimen.sessions if start < horizon]
    return Calendar((*course.regimen.doses, *session_marks(starts)), horizon)


@cache
def arm_weights() -> dict[str, float]:
    """Weights of the arms that are switches: as much as the block adds after one infusion.

    **Returns:** `w_HNK` and `w_5HT`, mL/ng: the area of the glutamate burst over that of
    hydroxynorketamine or ketamine at the effect site, in the typical patient after
    `TYPICAL_INFUSION`.
    """
    course = load_course({"regimen": TYPICAL_INFUSION, "horizon": "14 d"})
    model, numbers = MODELS["reference"], load_card("mood").values()
    cohort = virtual_patients(course, load_card("reference"), model, typical=True)
    values = mood_values(
        numbers, typical_effects(), Situation(), np.full(1, _HIGHEST / 2), spread=False
    )
    patients = patients_of(cohort, numbers, values, calendar_of(course, course.horizon))
    times = np.concatenate([np.arange(0.0, 12.0, 0.02), np.arange(12.0, 337.0, 1.0)])
    # serotonin acts by ketamine, the other arm by hydroxynorketamine
    keys = {"w_5HT": ("ketamine", "effect"), "w_HNK": ("hnk", "effect")}
    solved = solve(mood_chain(model), patients, times, ("burst", *keys.values()), engine="numpy")
    burst = np.trapezoid(solved["burst"][0], solved.times)
    return {
        symbol: float(burst / np.trapezoid(solved[key][0], solved.times))
        for symbol, key in keys.items()
    }


@cache
def loss_factor(fact: str) -> float | None:
    """By how much synapses are lost more slowly, so that the published odds of response come out.

    **Arguments:**

    - `fact`: id of a row with the percent of responders at 14 days with and without a medicine.

    **Returns:** factor on the loss, of virtual patients who know that they get `TYPICAL_INFUSION`,
    with the published mean baseline; nothing when no factor from 0.02 to 1 gives the odds.
    """
    with_it, without = (share / 100.0 for share in _percents(fact))
    wanted = float(np.log(with_it / (1 - with_it) * (1 - without) / without))
    course = load_course(
        {
            "regimen": TYPICAL_INFUSION,
            "horizon": f"{_TWO_WEEKS} h",
            "population": {"n": _DRAWN, "seed": 0},
        }
    )
    model, numbers = MODELS["reference"], load_card("mood").values()
    cohort = virtual_patients(course, load_card("reference"), model)
    cohort = cohort.take(np.tile(np.arange(_DRAWN), len(_TRIED)))
    effects = {k: np.tile(v, len(_TRIED)) for k, v in mood_effects(0, 0, _DRAWN).items()}
    start = np.full(cohort.n, published_baseline()[0])
    values = mood_values(numbers, effects, Situation(), start)
    values["kS"] = values["kS"] * np.repeat(_TRIED, _DRAWN)
    answers = session_answers(numbers["omega_A"], session_normals(0, 0, _DRAWN, 1))[:, 0]
    values["e_A"] = values["e_A"] * np.tile(answers, len(_TRIED))
    patients = patients_of(cohort, numbers, values, calendar_of(course, _TWO_WEEKS))
    solved = solve(mood_chain(model), patients, [_TWO_WEEKS], ("MADRS",), progress=False)
    sd = VisitNoise.of(numbers).sd(_TWO_WEEKS)
    chance = response_chance(solved["MADRS"][:, 0], start, sd)
    shares = chance.reshape(len(_TRIED), _DRAWN).mean(axis=1)
    odds = np.log(shares / (1.0 - shares))
    gained = np.maximum.accumulate(odds - odds[0])
    if gained[-1] < wanted:
        return None
    return float(np.exp(np.interp(wanted, gained, np.log(_TRIED))))


def _percents(fact: str) -> tuple[float, float]:
    row = look_up(fact)
    with_it, without = number(row.get("value")), number(row.get("comparator_value"))
    assert with_it is not None
    assert without is not None
    return with_it, without
