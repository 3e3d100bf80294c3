"""Antimony: the same equations as in SBML, as a text to be read."""

from __future__ import annotations

from typing import Final

from ketasim.interop.export.edges import edges_of, inputs_beside
from ketasim.interop.export.effects import told
from ketasim.interop.export.ode import AMOUNTS, NORMAL_CDF, Constant, OdeModel
from ketasim.interop.export.syntax import Syntax, identifier, named_for, normal_cdf_series

_RESERVED: Final = (
    *("time", "avogadro", "pi", "exponentiale", "true", "false", "infinity", "inf", "nan", "model"),
    *("end", "at", "after", "in", "is", "has", "var", "const", "species", "compartment", "import"),
    *("unit", "function", "module", "gene", "operator", "reaction", "event", "formula", "DNA"),
    *("delete", "maximize", "minimize", "ext", "substanceOnly", "constraint", "algebraic"),
    *("volume", "area", "length", "extent", "substance", "time_unit", "hour", "body", "notanumber"),
    # functions, also those of the distributions
    *("abs", "ceil", "ceiling", "delay", "exp", "factorial", "floor", "ln", "log", "log10", "max"),
    *("min", "piecewise", "pow", "power", "quotient", "rateOf", "rem", "root", "sqr", "sqrt"),
    *("and", "implies", "not", "or", "xor", "eq", "geq", "gt", "leq", "lt", "neq", "plus", "minus"),
    *("times", "divide", "uniform", "normal", "poisson", "gamma", "bernoulli", "binomial"),
    "cauchy",
    *("chisquare", "exponential", "laplace", "lognormal", "rayleigh", NORMAL_CDF),
    *(
        f"{arc}{name}{h}"
        for arc in ("", "a", "arc")
        for name in ("sin", "cos", "tan", "sec", "csc", "cot")
        for h in ("", "h")
    ),
)
_CONSTANTS: Final = ("inf", "infinity", "nan", "notanumber", "true", "false")  # in any case
_SYNTAX: Final = Syntax(
    "Antimony",
    "time",
    choice=lambda condition, yes, no: f"piecewise({yes}, {condition}, {no})",
    functions={"log": "ln", "min": "min", "max": "max"},
)


def _reserved(name: str) -> bool:
    return name in _RESERVED or name.lower() in _CONSTANTS


def antimony_text(model: OdeModel) -> str:
    """The model as Antimony; doses as in `sbml_text`."""
    amount, base, power = model.substance
    names = named_for(
        model.symbols,
        lambda name: _reserved(name) or name == amount,
        made=inputs_beside(model),
    )
    lines = [
        f"// {_flat(model.title)}",
        *(f"// {_flat(note)}" for note in (*model.notes, *told(model.effects))),
    ]
    if model.uses_normal_cdf:
        lines += ["", f"function {NORMAL_CDF}(z)", f"  {normal_cdf_series('z', _SYNTAX)};", "end"]
    lines += ["", f"model {identifier(model.name, _reserved)}"]
    lines += [
        f"  // h and {model.amount}",
        "  unit hour = 3600 second;",
        f"  unit {amount} = 1e{power} {base};",
        "  unit time_unit = hour;",
        f"  unit substance = {amount};",
        f"  unit extent = {amount};",
        "",
        "  compartment body = 1;",
    ]
    for state in model.states:
        if state.unit in AMOUNTS:
            lines.append(f"  substanceOnly species {names[state.name]} in body;")
    lines += ["", "  // parameters", *(_constant(one, names) for one in model.parameters)]
    if model.covariates:
        lines += ["", "  // covariates", *(_constant(one, names) for one in model.covariates)]
    if model.formulas or model.moving:
        lines += ["", "  // computed"]
        lines += [
            _noted(
                f"  {names[one.name]} := {_SYNTAX.written(one.expression, names)};",
                f"{one.meaning} [{one.unit}]".strip() if one.unit else one.meaning,
            )
            for one in (*model.formulas, *model.moving)
        ]
    lines += ["", "  // states; input_… is what flows in from outside, 1/h"]
    edges = edges_of(model.given)
    first = edges[0] if edges and edges[0].time == 0.0 else None
    for state in model.states:
        own = names[state.name]
        initial = _SYNTAX.written(state.initial, names)
        level = 0.0
        if first is not None:
            level = first.inputs.get(state.name, 0.0)
            initial = repr(first.amounts[state.name]) if state.name in first.amounts else initial
        change = _SYNTAX.written(state.change, names)
        lines.append(_noted(f"  {own} = {initial};", state.meaning))
        if state.dosed:
            lines += [f"  input_{own} = {level!r};", f"  var input_{own};"]
            change = f"input_{own} + {change}"
        lines.append(f"  {own}' = {change};")
    if model.own_outputs:
        lines += ["", "  // outputs"]
    lines += [
        _noted(f"  {names[one.name]} := {_SYNTAX.written(one.expression, names)};", one.unit)
        for one in model.own_outputs
    ]
    if edges:
        lines += ["", "  // doses"]
    for number, edge in enumerate(edges, start=1):
        if edge is not first:
            sets = ", ".join(f"{name} = {text}" for name, text in edge.assigned(names))
            lines.append(f"  given_{number}: at (time >= {edge.time!r}), t0=true: {sets};")
    return "\n".join([*lines, "end", ""])


def _constant(one: Constant, names: dict[str, str]) -> str:
    return _noted(f"  {names[one.name]} = {one.value!r};", one.said)


def _noted(text: str, comment: str) -> str:
    return f"{text}  // {_flat(comment)}" if comment else text


def _flat(text: str) -> str:
    return " ".join(text.split())
