"""mrgsolve: a model specification for R, compiled as C++."""

from __future__ import annotations

import math
from typing import Final

from ketasim.interop.export.effects import drawn, lower_rows, rounded
from ketasim.interop.export.ode import NORMAL_CDF, Constant, OdeModel
from ketasim.interop.export.syntax import Syntax, named_for
from ketasim.models.pk.declaration import TIME_SYMBOL

_RESERVED: Final = frozenset(
    (
        *("ID", "TIME", "AMT", "RATE", "CMT", "EVID", "II", "ADDL", "SS", "MDV", "DV", "R", "F"),
        *("self", "ETA", "EPS", "THETA", "SOLVERTIME", "NEWIND", "T", "t", "time", "pi", "exp"),
        *("log", "sqrt", "pow", "double", "int", "bool", "if", "else", "for", "while", "return"),
        *("const", "auto", "new", "delete", "class", "default", "switch", "case", "break", "do"),
        *("float", "long", "short", "char", "void", "true", "false", "this", "using", "E", "D"),
        *("and", "and_eq", "asm", "bitand", "bitor", "catch", "compl", "constexpr", "decltype"),
        *("enum", "explicit", "export", "extern", "friend", "goto", "inline", "mutable"),
        "namespace",
        *("noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private"),
        "protected",
        *("public", "register", "signed", "sizeof", "static", "struct", "template", "throw", "try"),
        *("typedef", "typeid", "typename", "union", "unsigned", "virtual", "volatile", "xor"),
        # functions of C, std and R that a model file sees
        *("abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "cos"),
        *("cosh", "div", "erf", "erfc", "exp2", "expm1", "fabs", "floor", "fma", "fmax", "fmin"),
        *("fmod", "gamma", "hypot", "j0", "j1", "jn", "y0", "y1", "yn", "lgamma", "log10", "log1p"),
        *("log2", "max", "min", "remainder", "round", "sin", "sinh", "tan", "tanh", "tgamma"),
        "trunc",
        *("std", "main", "errno", "signal", "index", "mrg", "mrgx", "Rcpp", "arma", "NULL"),
        "NA_REAL",
        *("normal_cdf", "PI", "M_PI", "M_E", "_A", "_A_0_", "dxdt", "table", "config", "evt"),
    )
)
_SYNTAX: Final = Syntax(
    "mrgsolve",
    "SOLVERTIME",
    power=lambda low, high: f"pow({low}, {high})",
    choice=lambda condition, yes, no: f"({condition} ? {yes} : {no})",
    functions={"min": "std::min", "max": "std::max"},
)


def mrgsolve_text(model: OdeModel) -> str:
    """The model as an mrgsolve specification (`mread`)."""
    residual = [
        (one, kind, value)
        for one in model.outputs
        for kind, value in (
            ("log", one.sd_log),
            ("prop", one.proportional),
            ("add", one.additive),
        )
        if value
    ]
    # quantities of $ODE have names of their own: those of $TABLE are of another moment
    within = {one.name: f"ode_{one.name}" for one in model.moving}
    names = named_for(
        (*model.symbols, *within.values()),
        _RESERVED.__contains__,
        made=lambda symbol, name: [
            *_made(model, symbol, name),
            *(f"{kind.upper()}_{name}" for one, kind, _ in residual if one.name == symbol),
            *(f"DV_{name}" for one, _, _ in residual if one.name == symbol),
        ],
    )
    at_ode = {**names, **{name: names[own] for name, own in within.items()}}
    at_record = names | {TIME_SYMBOL: "TIME"}  # SOLVERTIME is the time of $ODE alone
    varied = list(model.effects.scales)
    lines = ["$PROB", f"# {_flat(model.title)}", *(f"# {_flat(note)}" for note in model.notes)]
    constants = (*model.parameters, *model.covariates)
    lines += ["", "$PARAM @annotated"] if constants else []
    for one in constants:
        lines.append(
            _annotated(f"TV{names[one.name]}" if one.name in varied else names[one.name], one)
        )
    lines += ["", "$CMT @annotated"]
    lines += [
        f"{names[one.name]} : {_flat(one.meaning).replace(':', ';')}"
        f"{f' ({one.unit})' if one.unit else ''}"
        for one in model.states
    ]
    for symbols, covariance in model.effects.blocks:
        lines += ["", "$OMEGA"]
        if len(symbols) > 1:
            lines.append("@block")
        lines.append(f"@labels {' '.join(f'ETA_{names[one]}' for one in symbols)}")
        lines += [f"// {one}: {model.effects.said(one)}" for one in symbols]
        lines += lower_rows(covariance)
    if residual:
        labels = " ".join(f"{kind.upper()}_{names[one.name]}" for one, kind, _ in residual)
        lines += ["", "$SIGMA", "@name RUV", f"@labels {labels}"]
        lines.append(" ".join(rounded(value**2) for _, _, value in residual))
    if model.uses_normal_cdf:
        lines += ["", "$GLOBAL"]
        lines.append(
            f"double {NORMAL_CDF}(double z) {{ return 0.5*std::erfc(-z/std::sqrt(2.0)); }}"
        )
    lines += ["", "$MAIN"]
    for symbol, scale in model.effects.scales.items():
        own = names[symbol]
        lines.append(f"double {own} = {drawn(f'TV{own}', f'ETA_{own}', scale)};")
    lines += [
        f"double {names[one.name]} = {_SYNTAX.written(one.expression, names)};"
        for one in model.formulas
    ]
    for state in model.states:
        lines += [
            f"{letter}_{names[state.name]} = {_SYNTAX.written(text, names)};"
            for letter, text in state.of_doses(("F", "ALAG", "D", "R"))
        ]
    lines += [
        f"{names[one.name]}_0 = {_SYNTAX.written(one.initial, names)};"
        for one in model.states
        if one.initial != "0"
    ]
    lines += ["", "$ODE"]
    lines += [
        f"double {at_ode[one.name]} = {_SYNTAX.written(one.expression, at_ode)};"
        for one in model.moving_for(state.change for state in model.states)
    ]
    lines += [
        f"dxdt_{names[one.name]} = {_SYNTAX.written(one.change, at_ode)};" for one in model.states
    ]
    lines += ["", "$TABLE"]
    lines += [
        f"double {names[one.name]} = {_SYNTAX.written(one.expression, at_record)};"
        for one in (*model.moving_for(one.expression for one in model.outputs), *model.own_outputs)
    ]
    for one in model.outputs:
        errors = {kind: f"{kind.upper()}_{names[one.name]}" for o, kind, _ in residual if o is one}
        if errors:
            text = names[one.name]
            text = f"{text}*exp({errors['log']})" if "log" in errors else text
            text = f"{text} + {names[one.name]}*{errors['prop']}" if "prop" in errors else text
            text = f"{text} + {errors['add']}" if "add" in errors else text
            lines.append(f"double DV_{names[one.name]} = {text};")
    shown = [names[one.name] for one in model.outputs]
    shown += dict.fromkeys(f"DV_{names[one.name]}" for one, _, _ in residual)
    return "\n".join([*lines, "", "$CAPTURE", *shown, ""])


def _made(model: OdeModel, symbol: str, name: str) -> list[str]:
    """What stands in the file beside a symbol, or is mrgsolve's own of a compartment."""
    found: list[str] = []
    if symbol in model.effects.scales:
        found += [f"TV{name}", f"ETA_{name}"]
    if any(one.name == symbol for one in model.states):
        found += [f"{front}_{name}" for front in ("dxdt", "F", "ALAG", "D", "R")]
        found.append(f"{name}_0")
    return found


def _annotated(name: str, one: Constant) -> str:
    assert math.isfinite(one.value)
    return f"{name} : {one.value!r} : {_flat(one.said).replace(':', ';') or one.name}"


def _flat(text: str) -> str:
    return " ".join(text.split())
