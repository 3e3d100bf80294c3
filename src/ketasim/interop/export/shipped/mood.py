"""The chain from dose to mood as differential equations, for one course or the typical patient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ketasim.dosing import Course, load_course
from ketasim.evidence import Entry, load_card
from ketasim.interop.export.ode import Constant, Effects, Formula, OdeModel, State
from ketasim.interop.export.shipped.behind import behind, formulas_of, receptor_parts, reference
from ketasim.interop.export.shipped.pharmacokinetics import constant_of, said_source
from ketasim.models import AMOUNT, MOOD, MOOD_PARAMETERS, RECEPTOR, SESSION_STATE, Signal
from ketasim.models.pk.declaration import Output
from ketasim.population import MOOD_SPREADS, mood_values, typical_effects
from ketasim.simulation.mood.inputs import TYPICAL_INFUSION, MoodInput, mood_input

_SCORED = ("by_drug", "by_expectation", "by_antidepressant", "by_course")
_PARTS = (
    "by_drug, by_expectation, by_antidepressant and by_course are parts of the fall of the "
    "logarithm of the score"
)
_EXPECTATION = (
    "not in the file: what a patient comes to expect, which is computed before from the "
    "treatment, what it can be taken for, and the setting: e_P is its result"
)
_LEFT_OUT = (
    "not in the file: drop-out, between-trial variability, parameter uncertainty, other scales, "
    "the effects of a session"
)
_NOISE = (
    "not in the file: fluctuation of the state within a patient (omega_F, k_F) and the error of "
    "the rating before treatment; the error of a rating (sigma) is the additive residual error of "
    "MADRS in mrgsolve, rxode2 and NONMEM, and not in SBML and Antimony"
)
_SHOWN = ("glutamate", "bdnf", "synapses", "expectation")


def ode_of_mood(course: Course | None = None) -> OdeModel:
    """The reference model, the receptor and mood as one model.

    **Arguments:**

    - `course`: whose patient, situation and doses stand in the file; without one, an outpatient
      who knows what is given, with the mean baseline of the published trials, and no doses.

    **Raises:** `InputError` when the baseline cannot be used.
    """
    given = mood_input(load_course({"regimen": TYPICAL_INFUSION}) if course is None else course)
    card, receptor = given.card, load_card(RECEPTOR.name)
    parameters, formulas, drive = receptor_parts(RECEPTOR)
    start = np.full(1, given.baseline)
    values = mood_values(given.numbers(), typical_effects(), given.situation, start, spread=False)
    numbers = {name: float(np.reshape(value, -1)[0]) for name, value in values.items()}
    fade = constant_of(card, "k_session")
    mark = State(
        SESSION_STATE,
        "mark",
        "mark of a session under way",
        f"-k_session*{SESSION_STATE}",
        dosed=False,
    )
    signals = (drive, *(_signal(one) for one in MOOD.signals if one.name != drive.name))
    moving = (*signals, *formulas_of(MOOD.quantities))
    sd = float(given.numbers()["sigma"])
    return behind(
        reference(course, mark),
        OdeModel(
            MOOD.name,
            MOOD.title,
            (*parameters, *_parameters(given, numbers), fade),
            (),
            (*formulas, *formulas_of(MOOD.definitions[len(RECEPTOR.definitions) :])),
            tuple(
                State(
                    one.name,
                    one.unit,
                    one.meaning,
                    f"{one.production} - ({one.loss})*{one.name}",
                    initial=one.initial,
                    dosed=False,
                )
                for one in MOOD.states
            ),
            (
                Output("MADRS", "MADRS", "point", additive=sd),
                Output("nmda_block", "nmda_block", "fraction"),
                *(Output(name, name, "") for name in _SCORED),
            ),
            _effects(given, numbers),
            tuple(_notes(given, course, receptor.hash)),
            moving,
            _SHOWN,
        ),
    )


def _signal(one: Signal) -> Formula:
    """A signal of the concentrations."""
    terms = [
        f"{'' if weight == '1' else f'{weight}*'}"
        f"{quantity if site == AMOUNT else f'{quantity}_{site}'}"
        for (quantity, site), weight in one.parts.items()
    ]
    return Formula(one.name, " + ".join(terms), one.unit, one.meaning)


def _parameters(given: MoodInput, numbers: Mapping[str, float]) -> list[Constant]:
    """Parameters behind the receptor with the numbers of the course's typical patient."""
    acting: dict[str, Entry] = {one.symbol: one for one in given.acting(typical=True)}
    older = "; f_old of the card mood, from age 65" if given.situation.older else ""
    said: dict[str, str] = {
        "sens": "the typical patient responds" + older,
        "e_P": "derived from the card mood for this situation: "
        + ", ".join(given.situation.symbols),
        "M0": "score before treatment"
        + (" (assumed)" if any(f == "patient.baseline" for f, _ in given.assumed) else ""),
    }
    found: list[Constant] = []
    for one in MOOD_PARAMETERS:
        value = numbers[one.name]
        if one.name in said:
            whence = said[one.name]
        else:
            entry = acting.get(one.name) or given.card.entry(one.name)
            whence = said_source(entry.grade, entry.source)
            if value != entry.value:
                whence += f"; {entry.value!r} on the card, changed for this patient"
        found.append(Constant(one.name, value, one.unit, one.meaning, whence))
    return found


def _effects(given: MoodInput, numbers: Mapping[str, float]) -> Effects:
    """Between-patient variability of the chain, where what it acts on is not zero."""
    card, known = given.card, given.numbers()
    names = [name for name in MOOD_SPREADS if name == "e_N" or numbers[name] != 0.0]
    spreads = np.array([float(known[MOOD_SPREADS[name]]) for name in names])
    correlation = np.eye(len(names))
    if {"sens", "kS"} <= {*names}:
        i, j = names.index("sens"), names.index("kS")
        correlation[i, j] = correlation[j, i] = -float(known["rho"])
    entries = {name: card.entry(MOOD_SPREADS[name]) for name in names}
    return Effects(
        {name: "natural" if name == "e_N" else "log" for name in names},
        correlation * np.outer(spreads, spreads),
        {
            name: f"{said_source(entry.grade, entry.source)}; {entry.symbol} of the card mood"
            for name, entry in entries.items()
        },
    )


def _notes(given: MoodInput, course: Course | None, receptor: str) -> list[str]:
    card, known = given.card, given.numbers()

    def share(symbol: str) -> str:
        value: Any = known[symbol]
        return f"{100 * float(value):.3g} %"

    never, none = share("share_none"), share("share_none_O")
    found = [
        f"mood: {card.title} (card {card.hash[:12]}); receptor: card {receptor[:12]}",
        f"every session, with a drug or without, also puts 1 into {SESSION_STATE} at its start",
        "time 0 is the start of treatment: natural course and usual care run from there",
        _PARTS,
        _EXPECTATION,
        (
            f"not in the file: patients whom the drug never helps ({never}; their sens is 0) or a "
            f"new oral antidepressant never helps ({none}; their e_O is 0)"
        ),
        (
            "not in the file: how a patient's mood answers each session, by which its own part of "
            f"the fast arm is multiplied (omega_A, SD of the logarithm {float(known['omega_A']):g})"
            ": fewer patients respond in the file than in ketasim"
        ),
        _LEFT_OUT,
        _NOISE,
    ]
    if not given.situation.new_antidepressant:
        found.append("e_O is 0: no new oral antidepressant is begun")
    found += [sentence for _, sentence in given.assumed]
    if course is not None:
        found += given.warnings
    return found
