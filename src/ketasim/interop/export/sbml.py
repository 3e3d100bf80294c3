"""SBML Level 3 Version 2: species with rate rules, times in h."""

from __future__ import annotations

import importlib
from typing import Any, Final

from ketasim._base import InputError
from ketasim.interop.export.edges import edges_of, inputs_beside
from ketasim.interop.export.effects import told
from ketasim.interop.export.ode import AMOUNTS, NORMAL_CDF, OdeModel, State
from ketasim.interop.export.syntax import Syntax, identifier, named_for, normal_cdf_series

# what the reader of formulas takes for a number, in any case; and the ids of this file
_RESERVED: Final = (
    *("time", "avogadro", "pi", "exponentiale", "true", "false", "infinity", "inf", "nan"),
    *("notanumber", "body", NORMAL_CDF),
)
_SYNTAX: Final = Syntax(
    "SBML",
    "time",
    choice=lambda condition, yes, no: f"piecewise({yes}, {condition}, {no})",
    functions={"log": "ln", "min": "min", "max": "max"},
)
_LEVEL, _VERSION = 3, 2


def library() -> Any:
    """The library python-libsbml.

    **Raises:** `InputError` when it is not installed.
    """
    try:
        return importlib.import_module("libsbml")
    except ImportError:
        raise InputError(
            "--to", "sbml needs python-libsbml", "install it: pip install 'ketasim[sbml]'"
        ) from None


def sbml_text(model: OdeModel) -> str:
    """The model as SBML.

    Doses of a course are events. Without one, initial amounts are 0, and `input_NAME` is
    what flows into a compartment that is dosed, by the hour, 0 until an event or a program sets it.
    """
    sbml = library()
    names = named_for(
        model.symbols, lambda name: name.lower() in _RESERVED, made=inputs_beside(model)
    )
    document = sbml.SBMLDocument(_LEVEL, _VERSION)
    root = document.createModel()
    root.setId(identifier(model.name))
    root.setName(model.title)
    _units(sbml, root, model)
    _tell(root, [*model.notes, *told(model.effects)])
    body = root.createCompartment()
    body.setId("body")
    body.setConstant(True)
    body.setSize(1.0)
    body.setSpatialDimensions(3)
    body.setUnits("litre")
    for one in (*model.parameters, *model.covariates):
        parameter = root.createParameter()
        parameter.setId(names[one.name])
        parameter.setConstant(True)
        parameter.setValue(one.value)
        parameter.setName(one.said or one.name)
    if model.uses_normal_cdf:
        normal = root.createFunctionDefinition()
        normal.setId(NORMAL_CDF)
        normal.setMath(_math(sbml, f"lambda(z, {normal_cdf_series('z', _SYNTAX)})"))
    for formula in (*model.formulas, *model.moving, *model.own_outputs):
        parameter = root.createParameter()
        parameter.setId(names[formula.name])
        parameter.setConstant(False)
        said = getattr(formula, "meaning", "")
        unit = f"[{formula.unit}]" if formula.unit else ""
        parameter.setName(" ".join(filter(None, (formula.name, unit, said))))
        rule = root.createAssignmentRule()
        rule.setVariable(names[formula.name])
        rule.setMath(_math(sbml, _SYNTAX.written(formula.expression, names)))
    for state in model.states:
        _state(sbml, root, state, names, model)
    _events(sbml, root, model, names)
    _check(sbml, document)
    return str(sbml.writeSBMLToString(document))


def _state(sbml: Any, root: Any, state: State, names: dict[str, str], model: OdeModel) -> None:
    """A compartment as a species, another state as a parameter, with its rate of change."""
    own = names[state.name]
    change = _SYNTAX.written(state.change, names)
    if state.dosed:
        dosed = root.createParameter()
        dosed.setId(f"input_{own}")
        dosed.setConstant(False)
        dosed.setValue(0.0)
        dosed.setName(f"input into {state.name}, {state.unit or model.amount}/h")
        change = f"input_{own} + {change}"
    if state.unit in AMOUNTS:
        one = root.createSpecies()
        one.setCompartment("body")
        one.setInitialAmount(0.0)
        one.setHasOnlySubstanceUnits(True)
        one.setBoundaryCondition(False)
        one.setSubstanceUnits(model.substance[0])
    else:
        one = root.createParameter()
    one.setId(own)
    one.setName(state.meaning or state.name)
    one.setConstant(False)
    if state.unit not in AMOUNTS and state.initial in ("0", "1"):
        one.setValue(float(state.initial))
    elif state.initial != "0":
        initial = root.createInitialAssignment()
        initial.setSymbol(own)
        initial.setMath(_math(sbml, _SYNTAX.written(state.initial, names)))
    rule = root.createRateRule()
    rule.setVariable(own)
    rule.setMath(_math(sbml, change))


def _events(sbml: Any, root: Any, model: OdeModel, names: dict[str, str]) -> None:
    """Doses: an event at each time at which one is given, begins or ends."""
    for number, edge in enumerate(edges_of(model.given), start=1):
        if edge.time == 0.0:  # events need something to have been before
            for state, level in edge.inputs.items():
                root.getParameter(f"input_{names[state]}").setValue(level)
            for state, amount in edge.amounts.items():
                species = root.getSpecies(names[state])
                if species is None:
                    root.getParameter(names[state]).setValue(amount)
                else:
                    species.setInitialAmount(amount)
            continue
        event = root.createEvent()
        event.setId(f"given_{number}")
        event.setName(f"{edge.time:g} h")
        event.setUseValuesFromTriggerTime(True)
        trigger = event.createTrigger()
        trigger.setInitialValue(True)
        trigger.setPersistent(True)
        trigger.setMath(_math(sbml, f"time >= {edge.time!r}"))
        for variable, text in edge.assigned(names):
            assignment = event.createEventAssignment()
            assignment.setVariable(variable)
            assignment.setMath(_math(sbml, text))


def _units(sbml: Any, root: Any, model: OdeModel) -> None:
    """Hours, and what amounts are in, as the units of the model."""
    amount, base, power = model.substance
    for name, kind, scale, multiplier in (
        ("hour", sbml.UNIT_KIND_SECOND, 0, 3600.0),
        (amount, sbml.UnitKind_forName(base), power, 1.0),
    ):
        definition = root.createUnitDefinition()
        definition.setId(name)
        unit = definition.createUnit()
        unit.setKind(kind)
        unit.setExponent(1.0)
        unit.setScale(scale)
        unit.setMultiplier(multiplier)
    root.setTimeUnits("hour")
    root.setSubstanceUnits(amount)
    root.setExtentUnits(amount)
    root.setVolumeUnits("litre")


def _tell(root: Any, notes: list[str]) -> None:
    lines = "".join(f"<p>{_escaped(note)}</p>" for note in notes)
    if lines:
        root.setNotes(f'<body xmlns="http://www.w3.org/1999/xhtml">{lines}</body>')


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _math(sbml: Any, text: str) -> Any:
    found = sbml.parseL3Formula(text)
    assert found is not None, sbml.getLastParseL3Error()
    return found


def _check(sbml: Any, document: Any) -> None:
    """Let the library check what was written; that it is refused is a defect of this file."""
    document.setConsistencyChecks(sbml.LIBSBML_CAT_UNITS_CONSISTENCY, False)
    document.setConsistencyChecks(sbml.LIBSBML_CAT_MODELING_PRACTICE, False)
    document.checkConsistency()
    errors = document.getNumErrors(sbml.LIBSBML_SEV_ERROR)
    assert not errors, document.getErrorLog().toString()
