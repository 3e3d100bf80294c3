"""Random numbers keyed by (seed, purpose, patient): order, splitting and threads change nothing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy is slow to load, and `ketasim --help` does without
    import numpy as np
    from numpy.typing import NDArray

_WORDS_PER_COUNTER = 4  # Philox-4x64 gives four 64-bit words for each counter value


def _key(seed: int, purpose: str) -> int:
    digest = hashlib.blake2b(f"{seed}:{purpose}".encode(), digest_size=16).digest()
    return int.from_bytes(digest, "little")


def uniforms(seed: int, purpose: str, first: int, count: int, draws: int) -> NDArray[np.float64]:
    """Uniform numbers in (0, 1) for patients `first` to `first + count - 1`.

    **Arguments:**

    - `seed`: the simulation's seed.
    - `purpose`: what the numbers are for, such as `"pk"` or `"covariates"`.
    - `first`, `count`: the patients asked for; a patient's numbers do not depend on them.
    - `draws`: numbers per patient.

    **Returns:** array of shape (count, draws).
    """
    import numpy as np

    counters = -(-draws // _WORDS_PER_COUNTER)
    bits = np.random.Philox(key=_key(seed, purpose), counter=first * counters)
    words = bits.random_raw(count * counters * _WORDS_PER_COUNTER)
    table = np.asarray(words, dtype=np.uint64).reshape(count, counters * _WORDS_PER_COUNTER)
    # 53 random bits, centred in their cell: never 0, never 1
    return ((table[:, :draws] >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def standard_normals(
    seed: int, purpose: str, first: int, count: int, draws: int
) -> NDArray[np.float64]:
    """Standard normal numbers, keyed like `uniforms`; array of shape (count, draws)."""
    from scipy.special import ndtri  # only here: scipy is slow to load

    return ndtri(uniforms(seed, purpose, first, count, draws))
