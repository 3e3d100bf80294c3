"""A trial of 4 arms of 200 patients at five visits: its mixed model, beside statsmodels."""

from __future__ import annotations

import statistics
from typing import Any

from fresh import median_seconds, seconds

ARMS, EACH, VISITS = 4, 200, 5


def fits(repeats: int) -> dict[str, Any]:
    """Time the fit in this process, with everything compiled and loaded, on one thread.

    The model is `chg ~ base*week + arm*week`. ketasim: restricted likelihood, unstructured
    covariance, Kenward-Roger degrees of freedom of every coefficient; from sums by missing
    pattern, from arrays, and as the whole call with its formula, means and differences. statsmodels
    has neither that covariance nor those degrees of freedom: its `MixedLM` has a random intercept.

    **Arguments:**

    - `repeats`: fits of statsmodels.
    """
    import statsmodels.formula.api
    from threadpoolctl import threadpool_limits

    import ketasim.trials.analysis

    _ = statsmodels, ketasim  # loaded first: libraries that come later are not limited
    with threadpool_limits(1):
        return _fits(repeats)


def _fits(repeats: int) -> dict[str, Any]:
    import numpy as np
    import pandas as pd
    import statsmodels
    import statsmodels.formula.api as smf

    from ketasim.trials import mmrm
    from ketasim.trials.analysis.mixed.adjustment import infer
    from ketasim.trials.analysis.mixed.likelihood import fit
    from ketasim.trials.analysis.mixed.statistics import summed

    data = trial(1)
    frame = pd.DataFrame(data)

    def whole() -> Any:
        return mmrm("chg ~ base*week + arm*week", data, subject="id", visit="week", arm="arm")

    found = whole()

    def from_sums() -> None:
        infer(found.statistics, fit(found.statistics), "kenward-roger")

    def from_arrays() -> None:
        sums = summed(found.layout)
        adjusted = infer(sums, fit(sums), "kenward-roger")
        for row in np.eye(len(adjusted.beta)):
            adjusted.freedom(row)

    def peer() -> None:
        smf.mixedlm("chg ~ base*week + arm*week", frame, groups=frame["id"]).fit(reml=True)

    sums_s, arrays_s, call_s = map(median_seconds, (from_sums, from_arrays, whole))
    peer_s = statistics.median(seconds(peer) for _ in range(repeats))
    return {
        "arms": ARMS,
        "each": EACH,
        "visits": VISITS,
        "outcomes": found.observations,
        "patterns": len(found.statistics.counts),
        "steps": found.optimum.steps,
        "sums_ms": round(1e3 * sums_s, 2),
        "arrays_ms": round(1e3 * arrays_s, 2),
        "call_ms": round(1e3 * call_s, 1),
        "statsmodels_ms": round(1e3 * peer_s, 1),
        "statsmodels": statsmodels.__version__,
        "ratio": round(peer_s / call_s, 2),
    }


def trial(seed: int) -> dict[str, Any]:
    """Columns of a trial with a fifth of its patients lost by the last visit."""
    import numpy as np

    random = np.random.default_rng(seed)
    size = ARMS * EACH
    base = random.normal(34, 5, size)
    chg = random.normal(-8, 6, (size, 1)) + random.normal(0, 4, (size, VISITS))
    chg -= np.arange(VISITS) * (np.arange(size) % ARMS)[:, None] * 0.5 + 0.3 * base[:, None]
    stay = np.minimum(random.geometric(0.05, size), VISITS)
    who, when = np.nonzero(np.arange(VISITS) < stay[:, None])
    return {
        "id": who,
        "arm": np.array(["placebo", "a", "b", "c"])[who % ARMS],
        "base": base[who],
        "week": np.array([f"week {one}" for one in range(VISITS)])[when],
        "chg": chg[who, when],
    }
