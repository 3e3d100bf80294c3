"""The reference model with something that its concentrations drive."""

from __future__ import annotations

from dataclasses import replace

from ketasim.dosing import Course, Patient
from ketasim.evidence import load_card
from ketasim.interop.export.ode import Constant, Formula, OdeModel, State
from ketasim.interop.export.shipped.course import given_by, marks
from ketasim.interop.export.shipped.pharmacokinetics import constant_of, ode_of_shipped
from ketasim.models import MODELS, Definition, ReceptorModel
from ketasim.models.pk.declaration import Output

_SECONDS_PER_HOUR = 3600


def reference(course: Course | None, mark: State | None = None) -> OdeModel:
    """The equations of the reference model for a course's patient, with the course's doses.

    **Arguments:**

    - `course`: without one, the typical patient and no doses.
    - `mark`: a compartment that takes one unit at the start of every session; it stands last.
    """
    model, card = MODELS["reference"], load_card("reference")
    found = ode_of_shipped(model, Patient.model_validate({}) if course is None else course.patient)
    if mark is not None:
        found = replace(found, states=(*found.states, mark))
    if course is None:
        return found
    given = given_by(course, model, card)
    if mark is not None:
        given = (*given, *marks(course, mark.name))
    return replace(
        found, given=tuple(sorted(given, key=lambda one: one.start)), horizon=course.horizon
    )


def behind(base: OdeModel, found: OdeModel) -> OdeModel:
    """One model of two: the concentrations of the first become quantities that the second uses.

    **Arguments:**

    - `base`: of the reference model. `found`: what stands behind it; its name and title count.
    """
    known = {one.name for one in found.parameters}
    return replace(
        base,
        name=found.name,
        title=found.title,
        # a molar mass stands on several cards: the engine takes that of what comes last
        parameters=(*(one for one in base.parameters if one.name not in known), *found.parameters),
        formulas=(*base.formulas, *found.formulas),
        states=(*base.states, *found.states),
        moving=(
            *(Formula(one.name, one.expression, one.unit) for one in base.outputs),
            *found.moving,
        ),
        outputs=(*found.outputs, *(Output(one.name, one.name, one.unit) for one in base.outputs)),
        effects=base.effects.also(found.effects),
        notes=(*found.notes, *base.notes),
        shown=found.shown,
    )


def formulas_of(definitions: tuple[Definition, ...]) -> tuple[Formula, ...]:
    """Declared definitions as formulas."""
    return tuple(Formula(d.name, d.expression, d.unit, d.meaning) for d in definitions)


def receptor_parts(
    receptor: ReceptorModel,
) -> tuple[tuple[Constant, ...], tuple[Formula, ...], Formula]:
    """Parameters and formulas of a receptor, and its drive by the concentrations."""
    card = load_card(receptor.name)
    # an integrator may leave a concentration a hair below zero, of which powers have no value
    terms = " + ".join(
        f"maximum({b.quantity}_{receptor.site}, 0)*Kp_uu*{b.unbound}/{b.molar_mass}/{b.potency}"
        for b in receptor.blockers
    )
    meaning = "unbound over half-blocking concentrations, summed"
    return (
        tuple(constant_of(card, one.name) for one in receptor.parameters),
        formulas_of(receptor.definitions),
        Formula("x", terms, "ratio", meaning),
    )


def ode_of_receptor(receptor: ReceptorModel, course: Course | None = None) -> OdeModel:
    """The receptor behind the reference model: the block at equilibrium and by its kinetics.

    **Arguments:**

    - `course`: whose patient and doses stand in the file.
    """
    parameters, formulas, drive = receptor_parts(receptor)
    card = load_card(receptor.name)
    power = Formula("x_hill", "x**hill", "ratio", "drive to the power of its Hill coefficient")
    block = Formula("nmda_block", "1 - 1/(1 + x_hill)", "fraction", "block at equilibrium")
    return behind(
        reference(course),
        OdeModel(
            receptor.name,
            receptor.title,
            parameters,
            (),
            formulas,
            (
                State(
                    "kinetic_block",
                    "fraction",
                    "block by binding and unbinding, channels activated as in the measurement",
                    f"{_SECONDS_PER_HOUR}*koff*(x_hill*(1 - kinetic_block) - kinetic_block)",
                    dosed=False,
                ),
            ),
            (Output("nmda_block", "nmda_block", "fraction"),),
            notes=(
                f"receptor: {card.title} (card {card.hash[:12]}), behind the reference model",
                (
                    "ketasim uses nmda_block; kinetic_block is its kinetic form, with the same "
                    "equilibrium"
                ),
                (
                    "not in the file: parameter uncertainty; the receptor has no between-patient "
                    "variability"
                ),
            ),
            moving=(drive, power, block),
            shown=("kinetic_block",),
        ),
    )
