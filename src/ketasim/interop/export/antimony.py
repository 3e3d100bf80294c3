"""Antimony: the same equations as in SBML, as a text to be read."""

from __future__ import annotations

from typing import Final

from ketasim.interop.export.ode import Constant, OdeModel
from ketasim.interop.export.syntax import Syntax, named_for

_RESERVED: Final = (
    *("time", "avogadro", "pi", "exponentiale", "true", "false", "infinity", "inf", "nan", "model"),
    *("end", "at", "after", "in", "is", "has", "var", "const", "species", "compartment", "import"),
    *("unit", "function", "module", "gene", "operator", "reaction", "event", "formula", "DNA"),
    *("delete", "maximize", "minimize", "ext", "substanceOnly", "constraint", "algebraic"),
)
_SYNTAX: Final = Syntax(
    "Antimony",
    "time",
    choice=lambda condition, yes, no: f"piecewise({yes}, {condition}, {no})",
    functions={"log": "ln"},
)


def antimony_text(model: OdeModel) -> str:
    """The model as Antimony; doses as in `sbml_text`."""
    names = named_for(model.symbols, lambda name: name in _RESERVED)
    lines = [f"// {_flat(model.title)}", *(f"// {_flat(note)}" for note in model.notes)]
    lines += ["", f"model {named_for((model.name,), _RESERVED.__contains__)[model.name]}"]
    lines += [
        "  // hours and milligrams",
        "  unit hour = 3600 second;",
        "  unit mg = 1e-3 gram;",
        "  unit time_unit = hour;",
        "  unit substance = mg;",
        "  unit extent = mg;",
        "",
        "  compartment body = 1;",
    ]
    for state in model.states:
        lines.append(f"  substanceOnly species {names[state.name]} in body;")
    lines += ["", "  // parameters", *(_constant(one, names) for one in model.parameters)]
    if model.covariates:
        lines += ["", "  // covariates", *(_constant(one, names) for one in model.covariates)]
    if model.formulas:
        lines += ["", "  // computed"]
        lines += [
            _noted(
                f"  {names[one.name]} := {_SYNTAX.written(one.expression, names)};",
                f"{one.meaning} [{one.unit}]" if one.unit else one.meaning,
            )
            for one in model.formulas
        ]
    lines += ["", "  // compartments: 0 at the start; input_… is what flows in from outside, mg/h"]
    for state in model.states:
        own = names[state.name]
        lines.append(_noted(f"  {own} = 0; input_{own} = 0;", state.meaning))
        lines.append(f"  var input_{own};")
        lines.append(f"  {own}' = input_{own} + {_SYNTAX.written(state.change, names)};")
    lines += ["", "  // outputs"]
    lines += [
        _noted(f"  {names[one.name]} := {_SYNTAX.written(one.expression, names)};", one.unit)
        for one in model.outputs
    ]
    return "\n".join([*lines, "end", ""])


def _constant(one: Constant, names: dict[str, str]) -> str:
    return _noted(f"  {names[one.name]} = {one.value!r};", one.said)


def _noted(text: str, comment: str) -> str:
    return f"{text}  // {_flat(comment)}" if comment else text


def _flat(text: str) -> str:
    return " ".join(text.split())
