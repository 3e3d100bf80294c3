"""How strongly the first session of a treatment is felt at its peak, before anybody differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Dose
from ketasim.engine import concentrations
from ketasim.evidence import load_card
from ketasim.models import MODELS, SESSION
from ketasim.population.session.effects import highest_effect

Array = NDArray[np.float64]

_MINUTES: Array = np.arange(0.0, 4.0, 1.0 / 60.0)  # what is swallowed peaks later, and flatly
_LATER: Array = np.arange(4.0, 24.0, 0.25)


def first_session_effect(doses: Sequence[Dose], values: Mapping[str, Any], weight: Array) -> float:
    """Highest effect of the first session in a typical patient, share of the full effect.

    **Arguments:**

    - `doses`: of a regimen, at least one.
    - `values`: numbers of the reference model, of one patient. `weight`: kg, shape (1,).

    **Returns:** h of `SESSION.effect` by the card `session`, 0 to 1; without S-ketamine 0.
    """
    first = min(doses, key=lambda dose: dose.time)
    own = [dose for dose in doses if dose.session == first.session]
    # the peak follows the end of an infusion
    ends = {0.0, *(dose.end - first.time for dose in own)}
    after = np.concatenate([end + part for end in ends for part in (_MINUTES, _LATER)])
    times = first.time + np.unique(after)
    found = concentrations(
        MODELS["reference"], values, own, times, weight, sites=(SESSION.site,)
    ).values
    nothing = np.zeros((len(times), 1))
    drugs = [found.get((name, SESSION.site), nothing) for name in ("s_ketamine", "s_norketamine")]
    return float(highest_effect(load_card("session").values(), drugs)[0])
