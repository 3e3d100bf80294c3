"""Which curve of a simulation a chart shows, and what is said where there is none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ketasim._base import InputError
from ketasim.dosing import HEALTHY
from ketasim.dosing.course import REFERENCE
from ketasim.simulation.headline import BLOCK
from ketasim.simulation.mood.course import MOOD_UNITS
from ketasim.simulation.session.curves import SESSION_UNITS

if TYPE_CHECKING:
    from ketasim.simulation.result import Simulation

Key = tuple[str, str]

_MOST: Final = 10  # names in an error
_SHORTEST: Final = 5  # letters of a name whose spelling is guessed
_CLOSE: Final = 0.8  # of two spellings of one name
_WORDS: Final = {"block": BLOCK[0]}
"""Other names of quantities."""


def chosen_curve(simulation: Simulation, quantity: str | None, site: str | None) -> Key:
    """The quantity and site that are asked for.

    **Arguments:**

    - `simulation`: what `simulate` returned.
    - `quantity`: in any case; left out, the parent drug.
    - `site`: left out, the one of the quantity, of concentrations the main one.

    **Raises:** `InputError` when there is no such quantity or site, or it was not computed.
    """
    main = simulation.main or ("", "")
    name = main[0] if quantity is None else _name(simulation, quantity)
    places = [where for known, where in simulation.values if known == name]
    if not places:
        raise InputError("quantity", *_missing(simulation, name))
    if site is None:
        return name, main[1] if main[1] in places else places[0]
    where = site.strip().lower()
    if where not in places:
        raise InputError("site", f"{name} has no site '{site}'", f"use one of: {', '.join(places)}")
    return name, where


def _name(simulation: Simulation, asked: str) -> str:
    """Name of a quantity in its own letters."""
    computed = list(dict.fromkeys(name for name, _ in simulation.values))
    every = (*computed, *(name for name, _ in (BLOCK, *MOOD_UNITS, *SESSION_UNITS)))
    known = {name.lower(): name for name in every} | _WORDS
    typed = asked.strip().lower()
    if typed in known:
        return known[typed]
    # another scale or molecule is another question: only a slip of the pen is answered by a guess
    close = difflib.get_close_matches(typed, known, n=1, cutoff=_CLOSE)
    slip = [name for name in close if len(typed) >= _SHORTEST and name[0] == typed[0]]
    remedy = f"did you mean '{known[slip[0]]}'?" if slip else _listed(computed)
    raise InputError("quantity", f"the simulation has no quantity '{asked}'", remedy)


def _missing(simulation: Simulation, name: str) -> tuple[str, str]:
    """Why a quantity was not computed, and what to do."""
    problem = f"{name} was not computed"
    course = simulation.course
    mood = any(name == one for one, _ in MOOD_UNITS)
    if mood and course.patient.diagnosis == HEALTHY:
        computed = _listed(dict.fromkeys(known for known, _ in simulation.values))
        return f"{problem}: the mood model was fitted to depression, not to volunteers", computed
    if course.pk_model != REFERENCE:
        return (
            f"{problem}: the model '{course.pk_model}' stops short of it",
            "use pk_model: reference",
        )
    if BLOCK not in simulation.values:
        return f"{problem}: the effect site was left out", "simulate with the site 'effect'"
    said = "mood is not" if mood else "session effects are not"
    told = next((text for text in simulation.warnings if text.lower().startswith(said)), "")
    if told:
        computed = _listed(dict.fromkeys(known for known, _ in simulation.values))
        return f"{problem}: {told.rstrip('.')}", computed
    return problem, f"simulate without {'mood=False' if mood else 'session=False'}"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - _MOST
    told = f" and {more} more, see Simulation.summary()" if more > 0 else ""
    return f"use one of: {', '.join(every[:_MOST])}{told}"
