"""Weights of a step: integrals of an exponential decay with a parabola, exact for any stiffness.

With k the loss, h the step and phi_1(z) = (e^z - 1)/z, phi_2(z) = (phi_1(z) - 1)/z and
phi_3(z) = (phi_2(z) - 1/2)/z at z = -k*h and -k*h/2 (Hochbruck and Ostermann, Acta Numer
2010;19:209).
"""

from __future__ import annotations

from typing import Any

import numpy as np

_TERMS = 15  # of the series, which ends below rounding for |z| <= 1


def phi_functions(z: Any, xp: Any = np) -> tuple[Any, Any, Any, Any]:
    """Return e^z, phi_1(z), phi_2(z) and phi_3(z) for z of zero or less.

    **Arguments:**

    - `z`: any shape, zero or less.
    - `xp`: the array library, numpy or one like it.
    """
    near = xp.maximum(z, -1.0)
    series = xp.zeros_like(z)
    factorial = 1.0
    factorials: list[float] = []
    for n in range(1, _TERMS + 3):
        factorial *= n
        factorials.append(factorial)
    for n in range(_TERMS - 1, -1, -1):
        series = series * near + 1.0 / factorials[n + 2]
    close_3 = series
    close_2 = near * close_3 + 0.5
    close_1 = near * close_2 + 1.0
    far = xp.minimum(z, -1.0)
    far_0 = xp.exp(far)
    far_1 = (far_0 - 1.0) / far
    far_2 = (far_1 - 1.0) / far
    far_3 = (far_2 - 0.5) / far
    small = z > -1.0
    return (
        xp.exp(z),
        xp.where(small, close_1, far_1),
        xp.where(small, close_2, far_2),
        xp.where(small, close_3, far_3),
    )


def step_weights(loss: Any, size: Any, xp: Any = np) -> dict[str, Any]:
    """Weights of one step, by the names of `ketasim.engine.response.cascade.WEIGHTS`.

    **Arguments:**

    - `loss`: 1/h, any shape. `size`: h, broadcasting with it.
    - `xp`: the array library.
    """
    decay_half, half_1, half_2, half_3 = phi_functions(-0.5 * loss * size, xp)
    decay, one, two, three = phi_functions(-loss * size, xp)
    half = 0.5 * size
    return {
        "eh": decay_half,
        "v0": half * (half_1 - 1.5 * half_2 + half_3),
        "vm": half * (2.0 * half_2 - 2.0 * half_3),
        "v1": half * (half_3 - 0.5 * half_2),
        "e": decay,
        "w0": size * (one - 3.0 * two + 4.0 * three),
        "wm": size * (4.0 * two - 8.0 * three),
        "w1": size * (4.0 * three - two),
        "a0": half * half_1,
        "b0": size * (0.5 * half_1 - half_2),
        "bm": size * half_2,
        "c0": size * (one - 2.0 * two),
        "cm": size * (2.0 * two),
    }
