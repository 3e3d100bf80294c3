"""The mechanism of mood beside what was published on its steps."""

from __future__ import annotations

from ketasim.validation import mechanism_checks, mechanism_table


def mechanism() -> str:
    """Return how many observations the model agrees with, and all of them."""
    checks = mechanism_checks()
    counts = [
        f"{sum(one.agrees == answer for one in checks)} {answer}"
        for answer in ("yes", "no", "cannot tell")
    ]
    return f"{len(checks)} observations: {', '.join(counts)}.\n\n{mechanism_table(checks)}"
