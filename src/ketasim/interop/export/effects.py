"""Random effects in the words of R, C++ and NONMEM, which agree on them."""

from __future__ import annotations

from ketasim.interop.export.ode import Array, Effects


def drawn(typical: str, effect: str, scale: str, *, exp: str = "exp", log: str = "log") -> str:
    """A patient's parameter from the typical one.

    **Arguments:**

    - `typical`, `effect`: what the engine calls them. `scale`: `log`, `logit` or `natural`.
    - `exp`, `log`: the engine's functions.
    """
    if scale == "log":
        return f"{typical}*{exp}({effect})"
    if scale == "logit":
        return f"1.0/(1.0 + {exp}(-({log}({typical}/(1.0 - {typical})) + {effect})))"
    return f"{typical} + {effect}"


def rounded(value: float) -> str:
    """A variance without the last digits, which are of the arithmetic and not of the model."""
    return repr(float(f"{value:.12g}"))


def lower_rows(covariance: Array) -> list[str]:
    """The lower triangle of a block's covariance, a line each row."""
    return [" ".join(rounded(v) for v in row[: i + 1]) for i, row in enumerate(covariance)]


def told(effects: Effects) -> list[str]:
    """Between-patient variability in words, for formats that simulate the typical patient."""
    if not effects.blocks:
        return []
    found = ["between-patient variability, which is not simulated here:"]
    for symbols, covariance in effects.blocks:
        for place, symbol in enumerate(symbols):
            line = f"{symbol}: {rounded(covariance[place, place])}, {effects.said(symbol)}"
            found.append(line)
            found += [
                f"{symbol} and {other}: covariance {rounded(covariance[place, before])}"
                for before, other in enumerate(symbols[:place])
                if covariance[place, before]
            ]
    return found
