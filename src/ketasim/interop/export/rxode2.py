"""rxode2 and nlmixr2: a model function for R."""

from __future__ import annotations

from typing import Final

from ketasim.interop.export.effects import drawn, rounded
from ketasim.interop.export.ode import NORMAL_CDF, OdeModel
from ketasim.interop.export.syntax import Syntax, identifier, named_for

_RESERVED: Final = frozenset(
    (
        *("t", "time", "tlast", "pi", "exp", "log", "sqrt", "rate", "dur", "f", "lag", "alag"),
        "if",
        *("else", "function", "TRUE", "FALSE", "NULL", "NA", "Inf", "NaN", "for", "while", "rx"),
        *("podo", "tad", "ID", "TIME", "AMT", "RATE", "CMT", "EVID", "II", "ADDL", "SS", "MDV"),
        "DV",
        *("cmt", "amt", "evid", "id", "newind", "NEWIND", "M_E", "M_PI", "add", "prop", "lnorm"),
        *("ini", "model", "label", "max", "min", "ifelse", "expit", "logit"),
        # functions of its language
        *("abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "cos", "cosh"),
        *("erf", "erfc", "exp2", "expm1", "fabs", "factorial", "floor", "gamma", "lfactorial"),
        *("lgamma", "log10", "log1p", "log2", "phi", "pnorm", "pow", "probit", "qnorm", "round"),
        *("sin", "sinh", "sum", "tan", "tanh", "trunc", "break", "next", "repeat", "in", "return"),
    )
)
_SYNTAX: Final = Syntax(
    "rxode2",
    "t",
    choice=lambda condition, yes, no: f"ifelse({condition}, {yes}, {no})",
    functions={"min": "min", "max": "max", NORMAL_CDF: "phi"},
)


def rxode2_text(model: OdeModel) -> str:
    """The model as a function for `rxode2()` or `nlmixr2()`; covariates come from the data."""
    varied = model.effects.scales
    errors_of = {
        one.name: _residual(one.proportional, one.additive, one.sd_log) for one in model.outputs
    }

    def made(symbol: str, name: str) -> list[str]:
        effect = [f"tv_{name}", f"eta_{name}"] if symbol in varied else []
        return [*effect, *(f"{kind}_{name}" for kind, _ in errors_of.get(symbol, ()))]

    names = named_for(model.symbols, _RESERVED.__contains__, made=made)

    def said(text: str) -> str:
        return _SYNTAX.written(text, names)

    lines = [f"# {_flat(model.title)}", *(f"# {_flat(note)}" for note in model.notes)]
    if model.covariates:
        lines.append("# columns of the data, and the typical patient:")
        lines += [f"#   {names[one.name]} = {one.value!r}  {one.said}" for one in model.covariates]
        lines.append("# one that changes holds back to the record before, as in NONMEM:")
        lines.append('#   rxSolve(..., covsInterpolation = "nocb"); rxode2 carries forward unasked')
    function = identifier(model.name, _RESERVED.__contains__)
    lines += ["library(rxode2)", "", f"{function} <- function() {{", "  ini({"]
    for one in model.parameters:
        name = f"tv_{names[one.name]}" if one.name in varied else names[one.name]
        lines.append(f"    {name} <- {one.value!r}  # {one.said or one.name}")
    lines += _omegas(model, names)
    for one in model.outputs:
        for kind, value in errors_of[one.name]:
            lines.append(f"    {kind}_{names[one.name]} <- {value!r}  # residual SD")
    lines += ["  })", "  model({"]
    for symbol, scale in varied.items():
        own = names[symbol]
        lines.append(f"    {own} <- {drawn(f'tv_{own}', f'eta_{own}', scale)}")
    lines += [f"    {names[one.name]} <- {said(one.expression)}" for one in model.formulas]
    lines += [
        f"    {names[one.name]} <- {said(one.expression)}{_unit(one.unit)}" for one in model.moving
    ]
    lines += [
        f"    {names[one.name]}(0) <- {said(one.initial)}"
        for one in model.states
        if one.initial != "0"
    ]
    for state in model.states:
        note = f"  # {_flat(state.meaning)}" if state.meaning else ""
        lines.append(f"    d/dt({names[state.name]}) <- {said(state.change)}{note}")
    for state in model.states:
        lines += [
            f"    {called}({names[state.name]}) <- {said(text)}"
            for called, text in state.of_doses(("f", "alag", "dur", "rate"))
        ]
    lines += [
        f"    {names[one.name]} <- {said(one.expression)}{_unit(one.unit)}"
        for one in model.own_outputs
    ]
    for one in model.outputs:
        if errors_of[one.name]:
            own = names[one.name]
            text = " + ".join(f"{kind}({kind}_{own})" for kind, _ in errors_of[one.name])
            lines.append(f"    {own} ~ {text}")
    return "\n".join([*lines, "  })", "}", ""])


def _residual(proportional: float, additive: float, sd_log: float) -> list[tuple[str, float]]:
    kinds = (("lnorm", sd_log), ("prop", proportional), ("add", additive))
    return [(kind, value) for kind, value in kinds if value]


def _omegas(model: OdeModel, names: dict[str, str]) -> list[str]:
    found: list[str] = []
    for symbols, covariance in model.effects.blocks:
        found += [f"    # {one}: {model.effects.said(one)}" for one in symbols]
        together = " + ".join(f"eta_{names[one]}" for one in symbols)
        lower = ", ".join(rounded(v) for i, row in enumerate(covariance) for v in row[: i + 1])
        found.append(f"    {together} ~ {f'c({lower})' if len(symbols) > 1 else lower}")
    return found


def _unit(unit: str) -> str:
    return f"  # {unit}" if unit else ""


def _flat(text: str) -> str:
    return " ".join(text.split())
