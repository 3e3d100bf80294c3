"""SBML Level 3 Version 2: species with rate rules, amounts in mg, times in h."""

from __future__ import annotations

import importlib
from typing import Any, Final

from ketasim._base import InputError
from ketasim.interop.export.ode import OdeModel
from ketasim.interop.export.syntax import Syntax, named_for

_RESERVED: Final = ("time", "avogadro", "pi", "exponentiale", "true", "false", "infinity")
_SYNTAX: Final = Syntax(
    "SBML",
    "time",
    choice=lambda condition, yes, no: f"piecewise({yes}, {condition}, {no})",
    functions={"log": "ln"},
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

    Doses are not part of it: initial amounts are 0, and `input_NAME`, mg/h, is what flows into a
    compartment that is dosed, 0 until an event or a program sets it.
    """
    sbml = library()
    names = named_for(model.symbols, lambda name: name in _RESERVED)
    document = sbml.SBMLDocument(_LEVEL, _VERSION)
    root = document.createModel()
    root.setId(named_for((model.name,), lambda _: False)[model.name])
    root.setName(model.title)
    _units(sbml, root)
    _tell(root, list(model.notes))
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
    for formula in (*model.formulas, *model.outputs):
        parameter = root.createParameter()
        parameter.setId(names[formula.name])
        parameter.setConstant(False)
        if formula.unit:
            parameter.setName(f"{formula.name} [{formula.unit}]")
        rule = root.createAssignmentRule()
        rule.setVariable(names[formula.name])
        rule.setMath(_math(sbml, _SYNTAX.written(formula.expression, names)))
    for state in model.states:
        own = names[state.name]
        dosed = root.createParameter()
        dosed.setId(f"input_{own}")
        dosed.setConstant(False)
        dosed.setValue(0.0)
        dosed.setName(f"input into {state.name}, mg/h")
        species = root.createSpecies()
        species.setId(own)
        species.setName(state.meaning or state.name)
        species.setCompartment("body")
        species.setInitialAmount(0.0)
        species.setHasOnlySubstanceUnits(True)
        species.setBoundaryCondition(False)
        species.setConstant(False)
        species.setSubstanceUnits("mg")
        rule = root.createRateRule()
        rule.setVariable(own)
        change = _SYNTAX.written(state.change, names)
        rule.setMath(_math(sbml, f"input_{own} + {change}"))
    _check(sbml, document)
    return str(sbml.writeSBMLToString(document))


def _units(sbml: Any, root: Any) -> None:
    """Hours and milligrams as the units of the model."""
    for name, kind, scale, multiplier in (
        ("hour", sbml.UNIT_KIND_SECOND, 0, 3600.0),
        ("mg", sbml.UNIT_KIND_GRAM, -3, 1.0),
    ):
        definition = root.createUnitDefinition()
        definition.setId(name)
        unit = definition.createUnit()
        unit.setKind(kind)
        unit.setExponent(1.0)
        unit.setScale(scale)
        unit.setMultiplier(multiplier)
    root.setTimeUnits("hour")
    root.setSubstanceUnits("mg")
    root.setExtentUnits("mg")
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
