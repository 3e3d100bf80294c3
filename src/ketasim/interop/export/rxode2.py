"""rxode2 and nlmixr2: a model function for R."""

from __future__ import annotations

from typing import Final

from ketasim.interop.export.effects import drawn
from ketasim.interop.export.ode import OdeModel
from ketasim.interop.export.syntax import Syntax, named_for

_RESERVED: Final = frozenset(
    (
        *(
            "t",
            "time",
            "tlast",
            "pi",
            "exp",
            "log",
            "sqrt",
            "rate",
            "dur",
            "f",
            "lag",
            "alag",
            "if",
        ),
        *("else", "function", "TRUE", "FALSE", "NULL", "NA", "Inf", "NaN", "for", "while", "rx"),
        *(
            "podo",
            "tad",
            "ID",
            "TIME",
            "AMT",
            "RATE",
            "CMT",
            "EVID",
            "II",
            "ADDL",
            "SS",
            "MDV",
            "DV",
        ),
        *("cmt", "depot", "central", "amt", "evid", "id", "newind", "NEWIND", "M_E", "M_PI", "add"),
        *("prop", "lnorm", "ini", "model", "label", "max", "min", "ifelse", "expit", "logit"),
    )
) - {"depot", "central"}
_SYNTAX: Final = Syntax(
    "rxode2",
    "t",
    choice=lambda condition, yes, no: f"ifelse({condition}, {yes}, {no})",
    functions={"min": "min", "max": "max"},
)


def rxode2_text(model: OdeModel) -> str:
    """The model as a function for `rxode2()` or `nlmixr2()`; covariates come from the data."""
    names = named_for(model.symbols, _RESERVED.__contains__)

    def said(text: str) -> str:
        return _SYNTAX.written(text, names)

    varied = model.effects.scales
    lines = [f"# {_flat(model.title)}", *(f"# {_flat(note)}" for note in model.notes)]
    if model.covariates:
        lines.append("# columns of the data, and the typical patient:")
        lines += [f"#   {names[one.name]} = {one.value!r}  {one.said}" for one in model.covariates]
    lines += ["library(rxode2)", "", f"{_function(model.name)} <- function() {{", "  ini({"]
    for one in model.parameters:
        name = f"tv_{names[one.name]}" if one.name in varied else names[one.name]
        lines.append(f"    {name} <- {one.value!r}  # {one.said or one.name}")
    lines += _omegas(model, names)
    for one in model.outputs:
        for kind, value in _residual(one.proportional, one.additive, one.sd_log):
            lines.append(f"    {kind}_{names[one.name]} <- {value!r}  # residual SD")
    lines += ["  })", "  model({"]
    for symbol, scale in varied.items():
        own = names[symbol]
        lines.append(f"    {own} <- {drawn(f'tv_{own}', f'eta_{own}', scale)}")
    lines += [f"    {names[one.name]} <- {said(one.expression)}" for one in model.formulas]
    for state in model.states:
        note = f"  # {_flat(state.meaning)}" if state.meaning else ""
        lines.append(f"    d/dt({names[state.name]}) <- {said(state.change)}{note}")
    for state in model.states:
        lines += [
            f"    {called}({names[state.name]}) <- {said(text)}"
            for called, text in state.of_doses(("f", "alag", "dur", "rate"))
        ]
    for one in model.outputs:
        unit = f"  # {one.unit}" if one.unit else ""
        lines.append(f"    {names[one.name]} <- {said(one.expression)}{unit}")
    for one in model.outputs:
        errors = _residual(one.proportional, one.additive, one.sd_log)
        if errors:
            words = {"prop": "prop", "add": "add", "lnorm": "lnorm"}
            own = names[one.name]
            text = " + ".join(f"{words[kind]}({kind}_{own})" for kind, _ in errors)
            lines.append(f"    {own} ~ {text}")
    return "\n".join([*lines, "  })", "}", ""])


def _residual(proportional: float, additive: float, sd_log: float) -> list[tuple[str, float]]:
    kinds = (("lnorm", sd_log), ("prop", proportional), ("add", additive))
    return [(kind, value) for kind, value in kinds if value]


def _omegas(model: OdeModel, names: dict[str, str]) -> list[str]:
    varied, table = list(model.effects.scales), model.effects.covariance
    if not varied:
        return []
    if model.effects.diagonal:
        return [f"    eta_{names[v]} ~ {float(table[i, i])!r}" for i, v in enumerate(varied)]
    lower = [repr(float(table[i, j])) for i in range(len(table)) for j in range(i + 1)]
    together = " + ".join(f"eta_{names[v]}" for v in varied)
    return [f"    {together} ~ c({', '.join(lower)})"]


def _function(name: str) -> str:
    return named_for((name,), _RESERVED.__contains__)[name]


def _flat(text: str) -> str:
    return " ".join(text.split())
