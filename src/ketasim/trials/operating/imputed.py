"""Reference-based and delta-adjusted estimands of many replicates: conditional means, jackknife.

What is missing is put in as `ketasim.trials.analysis.imputation` does it, and the last visit is
compared by ANCOVA. The jackknife leaves out each patient in turn; the fit without one is a
step of Newton's method away from that of all, and is not searched for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.backends.numba.kernel import Kernel
from ketasim.trials.operating.mixed import Fits, Found

Array = NDArray[np.float64]

IMPUTED: Final = ("j2r", "cr", "cir", "delta")
"""Estimands of which what is missing is imputed."""

_impute = Kernel(
    Path(__file__).parent / "compiled" / "imputing_kernel.py",
    "impute",
    "the imputation of many replicates",
)


def impute_contrast(
    arms: Sequence[tuple[Array, Array]], fits: Fits, first: int, second: int, delta: float
) -> dict[str, Found]:
    """One arm minus another at the last visit, by each of `IMPUTED`.

    **Arguments:**

    - `arms`: covariates, shape (R, n, C), and changes, not a number after a patient has left, shape
      (R, n, T), of each arm; the same that were fitted.
    - `fits`: mixed models of them.
    - `first`, `second`: places of the two arms; the second is the reference.
    - `delta`: points added to what is imputed in all arms but the reference.
    """
    own = np.ascontiguousarray(np.concatenate([one for one, _ in arms], axis=1), np.float64)
    change = np.ascontiguousarray(np.concatenate([one for _, one in arms], axis=1), np.float64)
    sizes = np.array([one.shape[1] for one, _ in arms], np.int64)
    replicates = len(own)
    value, variance = np.empty((2, replicates, len(IMPUTED)))
    _impute(
        *(own, change, np.repeat(np.arange(len(arms)), sizes), sizes),
        *(np.ascontiguousarray(one) for one in fits),
        *(np.array([first, second]), float(delta), value, variance),
    )
    endless = np.full(replicates, np.inf)
    lost = int(np.isnan(value[:, 0]).sum())
    failures = {"the mixed model that imputes has no fit": lost} if lost else {}
    return {
        name: Found(value[:, place], np.sqrt(variance[:, place]), endless, failures)
        for place, name in enumerate(IMPUTED)
    }
