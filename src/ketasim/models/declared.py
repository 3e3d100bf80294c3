"""The declared symbols of every model that cards have numbers for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ketasim.models.declaration import Symbol
from ketasim.models.mood import MOOD_PARAMETERS, MOOD_PEOPLE
from ketasim.models.pharmacokinetics import MODELS
from ketasim.models.receptor import RECEPTOR
from ketasim.models.session import SESSION


@cache
def declared(model: str) -> Mapping[str, Symbol]:
    """Parameters of a model by symbol, with what they may be.

    **Arguments:**

    - `model`: as `Card.model` names it.

    **Returns:** empty for a model that is not the package's.
    """
    if model in MODELS:
        symbols = MODELS[model].parameters
    else:
        known = {
            "mood": (*MOOD_PARAMETERS, *MOOD_PEOPLE),
            SESSION.name: SESSION.parameters,
            RECEPTOR.name: RECEPTOR.parameters,
        }
        symbols = known.get(model, ())
    return {symbol.name: symbol for symbol in symbols}
