"""NONMEM: a control stream with ADVAN13."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ketasim.interop.export.effects import drawn, lower_rows, rounded
from ketasim.interop.export.ode import NORMAL_CDF, Formula, OdeModel
from ketasim.interop.export.syntax import Syntax, named_for
from ketasim.models.pk.declaration import TIME_SYMBOL, Output

# names that NM-TRAN gives a meaning of its own
_RESERVED: Final = re.compile(
    r"(?:[FRDS]\d+|ALAG\d+|A|T|P|Y|F|W|E|G|H|DADT|DA|DP|ETA|EPS|ERR|THETA|OMEGA|SIGMA|ID|TIME|AMT|"
    r"RATE|CMT|EVID|II|ADDL|SS|MDV|DV|ICALL|NEWIND|NEWL2|IREP|COM|EXP|LOG|SQRT|MIN|MAX|MOD|INT|ABS|"
    r"IF|THEN|ELSE|ENDIF|IPRED|PRED|RES|WRES|TSTATE|MTIME|MIXNUM|MIXEST|S0|F0|FO|XSF|TSCALE|R0|T0|"
    r"LOG10|SIN|COS|TAN|ASIN|ACOS|ATAN|PHI|GAMLN|CALL|EXIT|GOTO|STOP|RETURN|END|DO|WHILE|CONTINUE|"
    # the same, protected; labels of effects; what this file calls so
    r"P(?:LOG|LOG10|EXP|SQRT|SIN|COS|TAN|ASIN|ACOS|ATAN|INT|HE|NP|ZR|DZ|HI|NG|GAMLN)|"
    r"(?:ETA|EPS|ERR|THETA|MU_|MTIME|FUNC)\d+|FUNC[A-I]|DT|DOSTIM|DOSREC|CALLFL|NPROB|IPROB|NREP|"
    r"IRES|IWRES|CWRES|NPDE|NOETA|A_0|NEWL1|SKIP_|OMEGA_|AND|OR|NOT|TRUE|FALSE)"
)
_SYNTAX: Final = Syntax(
    "NONMEM",
    "T",
    power=lambda low, high: f"({low})**({high})",
    functions={
        "min": "MIN",
        "max": "MAX",
        "exp": "EXP",
        "log": "LOG",
        "sqrt": "SQRT",
        NORMAL_CDF: "PHI",
    },
    compares=False,
)
# T is the time within a step, which $DES alone has
_AT_RECORD: Final = {TIME_SYMBOL: "TIME"}
_SIZES: Final = {"PC": 30, "LTH": 40, "LVR": 30}  # compartments, thetas, random effects, unasked
_WIDTH: Final = 150  # letters of a line; what is longer goes on after &
_EXAMPLE: Final = (
    "$INPUT and $DATA are an example, no table was read: write there the columns of your table in",
    "their order, with II, ADDL and SS where it has them, and its name; NM-TRAN takes numbers only",
)
_BREAK: Final = re.compile(r"\*\*|[ */(,]|(?<![\d.][eE])[-+]")  # neither ** nor 1e-05 in two


def nonmem_text(model: OdeModel) -> str:
    """The model as a control stream that simulates; the data file is yours to name."""
    # quantities of $DES have names of their own: $ERROR must not define them again
    within = {one.name: f"des_{one.name}" for one in model.moving}
    names = named_for(
        (*model.symbols, *within.values()),
        lambda name: bool(_RESERVED.fullmatch(name)),
        upper=True,
        longest=20,
    )
    shown = {state: names[state] for state in model.shown}
    for number, state in enumerate(model.states, start=1):
        names[state.name] = f"A({number})"
    at_des = {**names, **{name: names[own] for name, own in within.items()}}
    covariates = [names[one.name] for one in model.covariates]
    lines = _sizes(model)
    lines += [f"$PROBLEM {_flat(model.name)}", f"; {_flat(model.title)}"]
    lines += [f"; {_flat(note)}" for note in model.notes]
    lines += [
        f"; column {names[one.name]}: {one.said}; typical {one.value!r}" for one in model.covariates
    ]
    if not model.given:
        lines += [f"; {note}" for note in _EXAMPLE]
    lines += [
        f"$INPUT ID TIME EVID AMT RATE CMT DV MDV{''.join(f' {one}' for one in covariates)}",
        f"$DATA {model.data} IGNORE=@",
        "$SUBROUTINES ADVAN13 TOL=9",
        f"$MODEL NCOMPARTMENTS={len(model.states)}",
    ]
    lines += [
        f"  COMP=(C{number})  ; {state.name}: {_flat(state.meaning)}"
        for number, state in enumerate(model.states, start=1)
    ]
    lines += ["$PK", *_pk(model, names), "$DES"]
    lines += _defined(model.moving_for(state.change for state in model.states), at_des)
    lines += [
        f"  DADT({number}) = {_SYNTAX.written(state.change, at_des)}"
        for number, state in enumerate(model.states, start=1)
    ]
    lines += ["$ERROR"]
    at_record = names | _AT_RECORD
    lines += _defined(model.moving_for(one.expression for one in model.outputs), at_record)
    lines += [f"  {own} = {names[state]}  ; {state}" for state, own in shown.items()]
    lines += _error(model, at_record)
    lines += [
        "$THETA",
        *(
            f"  {one.value!r}  ; {n} {one.name} {one.said}".rstrip()
            for n, one in enumerate(model.parameters, start=1)
        ),
    ]
    if not model.parameters:
        lines.append("  0 FIX  ; NONMEM wants one")
    for symbols, covariance in model.effects.blocks:
        many = len(symbols)
        lines.append(f"$OMEGA BLOCK({many})" if many > 1 else "$OMEGA")
        lines += [
            f"  {row}  ; {symbol}: {model.effects.said(symbol)}"
            for row, symbol in zip(lower_rows(covariance), symbols, strict=True)
        ]
    if not model.effects.blocks:
        lines += ["$OMEGA 0 FIX"]
    lines += _sigma(model)
    # DV of the table is Y as simulated, where MDV is 0
    tabled = " ".join((*(names[one.name] for one in model.outputs), *shown.values()))
    lines += ["$SIMULATION (1) ONLYSIMULATION", f"$TABLE ID TIME EVID CMT DV {tabled}"]
    lines.append("  NOPRINT ONEHEADER NOAPPEND FILE=sdtab1")
    return "\n".join([wrapped for line in lines for wrapped in _wrapped(line)]) + "\n"


def _pk(model: OdeModel, names: dict[str, str]) -> list[str]:
    etas = {symbol: number for number, symbol in enumerate(model.effects.symbols, start=1)}
    lines: list[str] = []
    for number, one in enumerate(model.parameters, start=1):
        text = f"THETA({number})"
        if one.name in etas:
            scale = model.effects.scales[one.name]
            text = drawn(text, f"ETA({etas[one.name]})", scale, exp="EXP", log="LOG")
        lines.append(f"  {names[one.name]} = {text}")
    if not etas:
        lines.append("  NOETA = ETA(1)  ; NONMEM wants one")
    lines += [
        f"  {names[one.name]} = {_SYNTAX.written(one.expression, names)}" for one in model.formulas
    ]
    for number, state in enumerate(model.states, start=1):
        lines += [
            f"  {letter}{number} = {_SYNTAX.written(text, names)}"
            for letter, text in state.of_doses(("F", "ALAG", "D", "R"))
        ]
        if state.initial != "0":
            lines.append(f"  A_0({number}) = {_SYNTAX.written(state.initial, names)}")
    return lines


def _sizes(model: OdeModel) -> list[str]:
    """What a large model has to ask NM-TRAN for."""
    errors = sum(bool(value) for one in model.outputs[:1] for value in _errors(one))
    wanted = {
        "PC": len(model.states) + 1,
        "LTH": len(model.parameters),
        "LVR": len(model.effects.scales) + max(errors, 1),
    }
    asked = [f"{name}={many}" for name, many in wanted.items() if many > _SIZES[name]]
    return [f"$SIZES {' '.join(asked)}"] if asked else []


def _errors(output: Output) -> tuple[float, float, float]:
    return output.sd_log, output.proportional, output.additive


def _defined(formulas: Sequence[Formula], names: dict[str, str]) -> list[str]:
    return [f"  {names[one.name]} = {_SYNTAX.written(one.expression, names)}" for one in formulas]


def _error(model: OdeModel, names: dict[str, str]) -> list[str]:
    lines = [
        f"  {names[one.name]} = {_SYNTAX.written(one.expression, names)}"
        f"  ; {one.name}{f', {one.unit}' if one.unit else ''}"
        for one in model.own_outputs
    ]
    first = model.outputs[0]
    lines.append(f"  IPRED = {names[first.name]}")
    errors = _errors(first)
    place = 0
    text = "IPRED"
    for kind, value in enumerate(errors):
        if value:
            place += 1
            text = (
                f"{text}*EXP(EPS({place}))",
                f"{text} + IPRED*EPS({place})",
                f"{text} + EPS({place})",
            )[kind]
    if len(model.outputs) > 1:
        lines.append("  ; Y is the first output; the others stand in the table")
    return [*lines, f"  Y = {text if place else 'IPRED + EPS(1)'}"]


def _sigma(model: OdeModel) -> list[str]:
    first = model.outputs[0]
    known = {"log": first.sd_log, "proportional": first.proportional, "additive": first.additive}
    rows = [f"$SIGMA {rounded(value**2)}  ; {kind}" for kind, value in known.items() if value]
    return rows or ["$SIGMA 0 FIX"]


def _wrapped(line: str) -> list[str]:
    """A line of code in pieces, broken behind a sign or a space; comments stay."""
    code, mark, comment = line.partition(";")
    if len(code) <= _WIDTH:
        return [f"{code}{mark}{comment}"]
    found: list[str] = []
    while len(code) > _WIDTH:
        at = max(one.end() for one in _BREAK.finditer(code, 20) if one.end() <= _WIDTH)
        found.append(f"{code[:at].rstrip()} &")
        code = f"    {code[at:].lstrip()}"
    return [*found, f"{code}{mark}{comment}"]


def _flat(text: str) -> str:
    return " ".join(text.split())
