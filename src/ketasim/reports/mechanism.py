"""From dose to mood, step by step: what each step is in a course, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from ketasim._base import words
from ketasim._base.numbers import number, percent
from ketasim.dosing import HEALTHY
from ketasim.evidence import Conflict, Entry, conflicts
from ketasim.figures.figure import Drawing, Figure, Legend
from ketasim.figures.mechanism.course import step_panels
from ketasim.figures.panels import Panel, Twin, svg, twin_of
from ketasim.models import MOOD, names_in
from ketasim.reports.evidence.parameter import ParameterRow, parameter_row
from ketasim.simulation.headline import BLOCK
from ketasim.simulation.mood.chain import Chain, course_chain

if TYPE_CHECKING:
    from ketasim.simulation.result import Simulation

_DAY: Final = 24.0
_MINUTES, _HOURS = 3.0, 48.0  # h up to which a time is written in minutes, and in hours
_MOST: Final = 8  # parameters of a concentration that are shown first


@dataclass(frozen=True)
class StepNumber:
    """One number of a step in this course: its name, the value in words, and when."""

    name: str
    value: str
    when: str = ""


@dataclass(frozen=True)
class Step:
    """One step from dose to mood.

    **Arguments:**

    - `name`: for links. `title`, `told`: what it is, in words.
    - `beside`: acts on mood beside the drug.
    - `numbers`: of this course. `figure`, `twin`: the same as a chart and as a table.
    - `parameters`: that act in the step; `more`: how many of them are of little influence and come
      last. `assumed`: how many are graded so.
    - `equations`: of the model, as declared.
    - `conflicts`: questions on which the evidence disagrees.
    - `missing`: why there is nothing to show; empty where there is.
    """

    name: str
    title: str
    told: str
    beside: bool
    numbers: tuple[StepNumber, ...]
    figure: Figure | None
    twin: Twin | None
    parameters: tuple[ParameterRow, ...]
    more: int
    equations: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    missing: str = ""

    @property
    def assumed(self) -> int:
        """How many parameters are assumed."""
        return sum(one.entry.grade == "assumed" for one in self.parameters)

    @property
    def sources(self) -> tuple[str, ...]:
        """Keys of the sources of its parameters and conflicts."""
        keys = [one.entry.source for one in self.parameters]
        keys += [key for one in self.conflicts for key in one.sources]
        return tuple(dict.fromkeys(key for key in keys if key))


@dataclass(frozen=True)
class _About:
    """What is said of a step in every course.

    **Arguments:**

    - `states`, `quantities`: of the chain, whose equations and parameters the step has.
    - `symbols`: further parameters. `conflicts`: names.
    """

    title: str
    told: str
    states: tuple[str, ...] = ()
    quantities: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    beside: bool = False


_STEPS: Final[Mapping[str, _About]] = {
    "dose": _About("Dose", "What is given, as it was read."),
    "blood": _About(
        "Concentration in blood",
        "The body absorbs, distributes and clears both enantiomers and forms norketamine and "
        "hydroxynorketamine.",
        conflicts=(
            "clearance",
            "volume",
            "oral_bioavailability",
            "nasal_bioavailability",
            "intramuscular_bioavailability",
            "enantiomer_clearance",
            "main_enzyme",
            "sampling_site",
        ),
    ),
    "effect-site": _About(
        "Effect site",
        "The brain follows the blood with a delay.",
        symbols=("ke0", "theta_ke0"),
        conflicts=("central_delay",),
    ),
    "block": _About(
        "NMDA receptor block",
        "Unbound ketamine and norketamine block NMDA receptors; S-ketamine more strongly than "
        "R-ketamine.",
        quantities=("nmda_block",),
        conflicts=("enantiomer_affinity", "protein_binding", "r_ketamine"),
    ),
    "glutamate": _About(
        "Glutamate burst",
        "A fresh block sets off a burst of glutamate; the cells adapt to a lasting block.",
        states=("used_to", "glutamate"),
        quantities=("b", "burst"),
        conflicts=("glutamate_dose", "lateral_habenula", "memantine"),
    ),
    "bdnf": _About(
        "Neurotrophic drive (BDNF)",
        "The burst raises the neurotrophic drive within hours.",
        states=("bdnf",),
        conflicts=("bdnf", "serotonin"),
    ),
    "synapses": _About(
        "Synapses",
        "With a delay, the drive forms synapses that stress had removed; stress removes them "
        "again.",
        states=("delay_1", "delay_2", "formation", "synapses"),
        quantities=("drive", "restored"),
        conflicts=("synaptic_density", "spine_timing", "rapamycin"),
    ),
    "drug": _About(
        "What the drug brings",
        "The burst as mood remembers it lowers severity within hours, restored synapses for days.",
        states=("fast_arm",),
        quantities=("by_drug",),
        conflicts=("duration", "repeated_sessions"),
    ),
    "mood": _About(
        "Mood",
        "What the drug, expectation and care bring adds up on the logarithm of severity.",
        quantities=("MADRS",),
        conflicts=("control_arm", "masking", "naltrexone", "hydroxynorketamine", "benzodiazepines"),
    ),
    "expectation": _About(
        "Expectation",
        "Expectation rises in every session, also without a drug, and fades between them.",
        states=("expectation",),
        quantities=("by_expectation",),
        symbols=("k_session", "p_belief", "p_theatre", "p_ward", "p_emergency", "u_scale"),
        conflicts=("masking",),
        beside=True,
    ),
    "care": _About(
        "Usual care and natural course",
        "Scores fall with time and care, with or without ketamine; a new oral antidepressant acts "
        "over weeks.",
        states=("antidepressant", "course", "care"),
        quantities=("by_antidepressant", "by_course"),
        symbols=("f_old",),
        conflicts=("missing_visits",),
        beside=True,
    ),
}


def mechanism_steps(simulation: Simulation) -> tuple[Step, ...]:
    """The steps from dose to mood in a course, with what they rest on.

    **Arguments:**

    - `simulation`: of the typical patient, with mood.

    **Returns:** steps in order, those beside the drug last; one that was not computed says why.
    """
    chain = None if simulation.mood is None else course_chain(simulation.course, simulation.times)
    panels = step_panels(simulation, chain)
    told = _numbers(simulation, chain)
    return tuple(
        _step(name, about, simulation, panels.get(name), told.get(name, ()))
        for name, about in _STEPS.items()
    )


def _step(
    name: str,
    about: _About,
    simulation: Simulation,
    panel: Panel | None,
    numbers: tuple[StepNumber, ...],
) -> Step:
    parameters, more = _parameters(name, about, simulation)
    computed = panel is not None or name == "dose"
    known = {one.name: one for one in conflicts()}
    return Step(
        name=name,
        title=about.title,
        told=about.told,
        beside=about.beside,
        numbers=numbers,
        figure=None if panel is None else _figure(name, panel),
        twin=None if panel is None else twin_of(panel),
        parameters=parameters if computed else (),
        more=more if computed else 0,
        equations=_equations(name, about) if computed else (),
        conflicts=tuple(known[one] for one in about.conflicts),
        missing="" if computed else _why_not(simulation),
    )


def _figure(name: str, panel: Panel) -> Figure:
    drawing = Drawing(svg(replace(panel, title=""), panel.title))
    entries = [
        Legend("line", line.name, line.colour, " ".join(map(str, line.dash)))
        for line in panel.lines
    ]
    legend = (*entries, Legend("dose", "dose")) if len(entries) > 1 or panel.marks else ()
    return Figure(f"figure-{name}", panel.title, (drawing,), legend, columns=1)


def _why_not(simulation: Simulation) -> str:
    """Why the chain to mood was not computed."""
    said = next((w for w in simulation.warnings if w.startswith("Mood is not computed")), "")
    if said:
        return said
    if simulation.course.patient.diagnosis == HEALTHY:
        return "Not computed: the mood model was fitted to depression, not to healthy volunteers."
    return "Not computed for this course."


def _when(hours: float) -> str:
    """A time after the start of the course, in its usual unit."""
    if hours < _MINUTES:
        return f"at {number(60.0 * hours, 2)} min"
    if hours < _HOURS:
        return f"at {number(hours, 2)} h"
    return f"on day {hours / _DAY:.3g}"


def _numbers(simulation: Simulation, chain: Chain | None) -> Mapping[str, tuple[StepNumber, ...]]:
    course = simulation.course
    found: dict[str, tuple[StepNumber, ...]] = {
        "dose": tuple(StepNumber("given", line) for line in course.regimen.describe())
    }
    exposure = {
        (row["quantity"], row["site"], row["metric"]): row["mean"]
        for row in simulation.exposure().filter(pl.col("session") == "first").to_dicts()
    }
    main = simulation.main
    if main is not None:
        at = main[1]
        blood = [
            _peak(exposure, (name, at), f"peak {_molecule(name)}, {words.site(at)}")
            for name in ("ketamine", "norketamine", "hnk")
        ]
        half = exposure.get((*main, "half_life"))
        blood += [StepNumber("half-life, 24 to 48 h", f"{number(half, 2)} h")] if half else []
        found["blood"] = tuple(one for one in blood if one is not None)
        pairs = [(f"peak {words.quantity(n)}", n) for n in ("s_ketamine", "r_ketamine")]
        peaks = (_peak(exposure, (name, "effect"), told) for told, name in pairs)
        found["effect-site"] = tuple(one for one in peaks if one is not None)
        block = _peak(exposure, BLOCK, "peak block", write=lambda v: percent(v, 2), unit="")
        found["block"] = () if block is None else (block,)
    return found if chain is None else {**found, **_of_chain(simulation, chain)}


def _molecule(name: str) -> str:
    return words.quantity(name).partition(",")[0]


def _peak(
    exposure: Mapping[tuple[str, str, str], float | None],
    key: tuple[str, str],
    name: str,
    *,
    write: Callable[[float], str] = lambda value: number(value, 2),
    unit: str = " ng/mL",
) -> StepNumber | None:
    top, at = exposure.get((*key, "cmax")), exposure.get((*key, "tmax"))
    if not top:
        return None
    return StepNumber(name, f"{write(top)}{unit}", "" if at is None else _when(at))


def _of_chain(simulation: Simulation, chain: Chain) -> Mapping[str, tuple[StepNumber, ...]]:
    mood = simulation.mood
    assert mood is not None
    last = float(simulation.times[-1])
    after = min(mood.well_from, last)
    first = simulation.sessions[0]
    soon = min(first.start + _DAY, first.until)
    when_after, when_last = _when(after), _when(last)

    def risen(name: str, told: str) -> tuple[StepNumber, ...]:
        top, at = chain.peak(name, until=soon)
        return (StepNumber(told, percent(top - 1.0, 2), _when(at)),)

    def peak_points(name: str, told: str) -> StepNumber:
        top, at = chain.peak(name)
        return StepNumber(told, _points(top), _when(at))

    def points(name: str, told: str) -> tuple[StepNumber, ...]:
        both = (
            StepNumber(told, _points(chain.at(name, one)), when)
            for one, when in ((after, when_after), (last, when_last))
        )
        return tuple(dict.fromkeys(both))

    top, at = chain.peak("restored")
    low = int(chain.curves["MADRS"].argmin())
    scores = {
        "MADRS before treatment": (chain.baseline, 0.0),
        "lowest MADRS": (float(chain.curves["MADRS"][low]), float(chain.times[low])),
        "MADRS at the end": (chain.at("MADRS", last), last),
    }
    mood_numbers = [
        StepNumber(name, number(value, 3), "" if not hours else _when(hours))
        for name, (value, hours) in scores.items()
    ]
    return {
        "glutamate": risen("glutamate", "peak above resting level, first session"),
        "bdnf": risen("bdnf", "peak above resting level, first session"),
        "synapses": (
            StepNumber("lost synapses restored, peak", percent(top, 2), _when(at)),
            StepNumber("lost synapses restored", percent(chain.at("restored", last), 2), when_last),
        ),
        "drug": (
            peak_points("by_fast_arm", "brought by the burst, peak"),
            peak_points("by_synapses", "brought by restored synapses, peak"),
            *points("by_drug", "brought by both"),
        ),
        "mood": tuple(mood_numbers),
        "expectation": points("by_expectation", "brought by expectation"),
        "care": (
            *points("by_course", "brought by natural course and care"),
            *(
                points("by_antidepressant", "brought by the new oral antidepressant")
                if chain.curves["by_antidepressant"].any()
                else ()
            ),
        ),
    }


def _points(value: float) -> str:
    return f"{number(value, 2)} points"


def _parameters(
    name: str, about: _About, simulation: Simulation
) -> tuple[tuple[ParameterRow, ...], int]:
    """Parameters of a step as this course uses them, and how many of them come last."""
    if name == "blood":
        acting = [
            one
            for one in simulation.elasticities
            if one.acts
            and one.card == simulation.card.key
            and one.entry.symbol not in _STEPS["effect-site"].symbols
        ]
        ordered = sorted(acting, key=lambda one: -one.size)
        shown = tuple(parameter_row(one.card, one.entry) for one in ordered)
        return shown, max(len(shown) - _MOST, 0)
    if name == "effect-site":
        card = simulation.card
        return _listed(card.key, card.entries.values(), about.symbols), 0
    if name == "block":
        card = simulation.receptor_card
        acting = {one.entry.symbol for one in simulation.elasticities if one.acts}
        return _listed(card.key, card.entries.values(), acting), 0
    mood = simulation.mood
    if mood is None:
        return (), 0
    return _listed(mood.card.key, mood.entries, {*_symbols(about), *about.symbols}), 0


def _listed(
    card: str, entries: Iterable[Entry], symbols: Iterable[str]
) -> tuple[ParameterRow, ...]:
    wanted = set(symbols)
    return tuple(parameter_row(card, one) for one in entries if one.symbol in wanted)


def _symbols(about: _About) -> set[str]:
    """Names in the equations of a step."""
    texts = [one.expression for one in MOOD.quantities if one.name in about.quantities]
    for state in MOOD.states:
        if state.name in about.states:
            texts += [state.loss, state.production, state.initial]
    found = {name for text in texts for name in names_in(text)}
    given = {one.name: one.expression for one in MOOD.definitions}
    return found | {name for one in found & set(given) for name in names_in(given[one])}


def _equations(name: str, about: _About) -> tuple[str, ...]:
    """Equations of a step, as the model declares them."""
    if name in ("dose", "blood", "effect-site"):
        return ()
    sheet = [
        f"d {one.name}/dt = {one.production} − ({one.loss})·{one.name}"
        for one in MOOD.states
        if one.name in about.states
    ]
    sheet += [f"{q.name} = {q.expression}" for q in MOOD.quantities if q.name in about.quantities]
    return tuple(sheet)
