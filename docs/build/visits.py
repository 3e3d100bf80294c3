"""Ratings of the same patients at several visits beside what was published."""

from __future__ import annotations

from ketasim.calibration.mood import estimate_noise, level_power
from ketasim.evidence import load_card
from ketasim.population import NOISE_SYMBOLS
from ketasim.validation import visit_checks, visit_table


def visits() -> str:
    """Return how many numbers the simulated ratings agree with, and all of them."""
    checks = visit_checks()
    counts = [
        f"{sum(one.agrees == answer for one in checks)} {answer}"
        for answer in ("yes", "no", "cannot tell")
    ]
    return f"{len(checks)} numbers: {', '.join(counts)}.\n\n{visit_table(checks)}"


def noise() -> str:
    """Return the estimate of the noise and the card's numbers."""
    fit, card = estimate_noise(), load_card("mood")
    lines = [
        "| symbol | meaning | estimate from visits | 95 % interval | on the card |",
        "|---|---|---|---|---|",
    ]
    for symbol in NOISE_SYMBOLS:
        entry = card.entry(symbol)
        low, high = fit.interval(symbol)
        lines.append(
            f"| `{symbol}` | {entry.meaning} | {fit.numbers[symbol]:.3g} {entry.unit} | "
            f"{low:.2g} to {high:.2g} | {entry.value:.3g} |"
        )
    power, error = level_power()
    said = (
        f"The SD of change goes with the level of the score to the power {power:.2f} ± {error:.2f} "
        "(SE) above 10 points: with none."
    )
    return "\n".join([*lines, "", said])
