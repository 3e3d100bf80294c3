"""What the evidence has against a forecast: where trials disagree, and where few have looked."""

from __future__ import annotations

from typing import Final

from ketasim.forecasting.options import Options
from ketasim.simulation.mood.beside import disagreement, near_values, times_compared
from ketasim.simulation.mood.studied import of_course

MAINTAINED: Final = 28 * 24.0
"""Hours of treatment after which what follows when it stops is not told from the natural course;
assumed."""

_DAY: Final = 24.0


def cautions(ahead: Options, setting: str) -> tuple[str, ...]:
    """Sentences on the treatment that was given and on candidates that end it.

    **Arguments:**

    - `ahead`: what was given and what may follow. `setting`: that is simulated.
    """
    sessions = [one for one in ahead.given.regimen.sessions if one <= ahead.now]
    if not sessions:
        return ()
    own = of_course(ahead.given, setting=setting)
    said = disagreement(own, near_values(own, times_compared(sessions, ahead.horizon)))
    span = sessions[-1] - sessions[0]
    ends = [one.name for one in ahead.options if not one.sessions]
    last = ""
    if span > MAINTAINED and ends:
        last = (
            f"After {span / _DAY:.0f} days of sessions the chances of staying well without further "
            f"ones ({', '.join(ends)}) are not to be relied on: scores during treatment do not "
            "tell what the drug maintains from what would last by itself, and hardly any trial in "
            "the fit stopped a treatment of months. Relapses may be more frequent than shown."
        )
    return tuple(one for one in (said, last) if one)
