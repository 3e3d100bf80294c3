"""NONMEM: a control stream with ADVAN13."""

from __future__ import annotations

import re
from typing import Final

from ketasim.interop.export.effects import drawn, lower_rows
from ketasim.interop.export.ode import OdeModel
from ketasim.interop.export.syntax import Syntax, named_for

# names that NM-TRAN gives a meaning of its own
_RESERVED: Final = re.compile(
    r"(?:[FRDS]\d+|ALAG\d+|A|T|P|Y|F|W|E|G|H|DADT|DA|DP|ETA|EPS|ERR|THETA|OMEGA|SIGMA|ID|TIME|AMT|"
    r"RATE|CMT|EVID|II|ADDL|SS|MDV|DV|ICALL|NEWIND|NEWL2|IREP|COM|EXP|LOG|SQRT|MIN|MAX|MOD|INT|ABS|"
    r"IF|THEN|ELSE|ENDIF|IPRED|PRED|RES|WRES|TSTATE|MTIME|MIXNUM|MIXEST|S0|F0|FO|XSF|TSCALE|R0|T0)"
)
_SYNTAX: Final = Syntax(
    "NONMEM",
    "T",
    power=lambda low, high: f"({low})**({high})",
    functions={"min": "MIN", "max": "MAX", "exp": "EXP", "log": "LOG", "sqrt": "SQRT"},
)
_WIDTH: Final = 150  # letters of a line; what is longer goes on after &


def nonmem_text(model: OdeModel) -> str:
    """The model as a control stream that simulates; the data file is yours to name."""
    names = named_for(
        model.symbols, lambda name: bool(_RESERVED.fullmatch(name)), upper=True, longest=20
    )
    for number, state in enumerate(model.states, start=1):
        names[state.name] = f"A({number})"
    covariates = [names[one.name] for one in model.covariates]
    lines = [f"$PROBLEM {model.name}", f"; {_flat(model.title)}"]
    lines += [f"; {_flat(note)}" for note in model.notes]
    lines += [
        f"; column {names[one.name]}: {one.said}; typical {one.value!r}" for one in model.covariates
    ]
    lines += [
        f"$INPUT ID TIME EVID AMT RATE CMT DV MDV{''.join(f' {one}' for one in covariates)}",
        "$DATA data.csv IGNORE=@",
        "$SUBROUTINES ADVAN13 TOL=9",
        f"$MODEL NCOMPARTMENTS={len(model.states)}",
    ]
    lines += [
        f"  COMP=(C{number})  ; {state.name}: {_flat(state.meaning)}"
        for number, state in enumerate(model.states, start=1)
    ]
    lines += ["$PK", *_pk(model, names), "$DES"]
    lines += [
        f"  DADT({number}) = {_SYNTAX.written(state.change, names)}"
        for number, state in enumerate(model.states, start=1)
    ]
    lines += ["$ERROR", *_error(model, names)]
    lines += [
        "$THETA",
        *(
            f"  {one.value!r}  ; {n} {one.name} {one.said}".rstrip()
            for n, one in enumerate(model.parameters, start=1)
        ),
    ]
    if model.effects.scales:
        many = len(model.effects.scales)
        lines.append("$OMEGA" if model.effects.diagonal else f"$OMEGA BLOCK({many})")
        lines += [
            f"  {row}  ; {symbol}, on the {scale} scale"
            for row, (symbol, scale) in zip(
                lower_rows(model.effects), model.effects.scales.items(), strict=True
            )
        ]
    else:
        lines += ["$OMEGA 0 FIX"]
    lines += _sigma(model)
    shown = " ".join(names[one.name] for one in model.outputs)
    lines += ["$SIMULATION (1) ONLYSIMULATION", f"$TABLE ID TIME EVID CMT {shown}"]
    lines.append("  NOPRINT ONEHEADER NOAPPEND FILE=sdtab1")
    return "\n".join([wrapped for line in lines for wrapped in _wrapped(line)]) + "\n"


def _pk(model: OdeModel, names: dict[str, str]) -> list[str]:
    etas = {symbol: number for number, symbol in enumerate(model.effects.scales, start=1)}
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
    return lines


def _error(model: OdeModel, names: dict[str, str]) -> list[str]:
    lines = [
        f"  {names[one.name]} = {_SYNTAX.written(one.expression, names)}"
        f"  ; {one.name}{f', {one.unit}' if one.unit else ''}"
        for one in model.outputs
    ]
    first = model.outputs[0]
    lines.append(f"  IPRED = {names[first.name]}")
    errors = [first.sd_log, first.proportional, first.additive]
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
    rows = [f"$SIGMA {value**2!r}  ; {kind}" for kind, value in known.items() if value]
    return rows or ["$SIGMA 0 FIX"]


def _wrapped(line: str) -> list[str]:
    """A line of code in pieces, broken at a space before a sign; comments stay."""
    code, mark, comment = line.partition(";")
    if len(code) <= _WIDTH:
        return [f"{code}{mark}{comment}"]
    found: list[str] = []
    while len(code) > _WIDTH:
        at = max(code.rfind(sign, 20, _WIDTH) for sign in (" + ", " - ", " ", "*", "+"))
        found.append(f"{code[: at + 1].rstrip()} &")
        code = f"    {code[at + 1 :].lstrip()}"
    return [*found, f"{code}{mark}{comment}"]


def _flat(text: str) -> str:
    return " ".join(text.split())
