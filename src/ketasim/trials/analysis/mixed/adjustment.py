"""Kenward-Roger: the covariance of the coefficients adjusted, and denominator degrees of freedom.

Kenward and Roger, Biometrics 53 (1997) 983-997. In the elements of the covariance the term with
second derivatives is zero; then all of it equals `DDFM=KR` of SAS.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ketasim.trials.analysis.inference import Inference
from ketasim.trials.analysis.mixed.covariance import basis, matrix, structure
from ketasim.trials.analysis.mixed.likelihood import Optimum
from ketasim.trials.analysis.mixed.statistics import Statistics, pairs

Array = NDArray[np.float64]


def infer(statistics: Statistics, optimum: Optimum, method: str) -> Inference:
    """Standard errors and degrees of freedom of a fit.

    **Arguments:**

    - `statistics`: that were fitted.
    - `method`: `kenward-roger`; `kenward-roger-cholesky`, with the second derivatives by the
      Cholesky factor, the default of the R package mmrm; `satterthwaite`; `residual`, n minus p; or
      `normal`.
    """
    solved, derivatives = optimum.solved, optimum.derivatives
    model, information = solved.variance, derivatives.information
    uncertainty = optimum.uncertainty
    slopes = model @ information @ model
    variance = model
    if method.startswith("kenward-roger"):
        variance = model + 2.0 * model @ _between(statistics, optimum, method) @ model
    df = {"residual": float(statistics.rows - statistics.columns), "normal": np.inf}.get(method)
    return Inference(solved.beta, variance, model, slopes, uncertainty, df)


def _between(statistics: Statistics, optimum: Optimum, method: str) -> Array:
    """Sum of w (Q - P Phi P - R / 4) over all pairs of parameters, shape (P, P)."""
    visits = statistics.visits
    model, information = optimum.solved.variance, optimum.derivatives.information
    weights, uncertainty = optimum.solved.weights, optimum.uncertainty
    slope = basis(visits)
    mixed = np.tensordot(uncertainty, slope, axes=1)
    middle = np.einsum("kab,gbc,kcd->gad", mixed, weights, slope, optimize=True)
    bend = _bend(optimum, method, visits)
    if bend is not None:
        middle = middle - bend / 4.0
    total = weights @ middle @ weights
    first, second = pairs(visits)
    total = (total + total.transpose(0, 2, 1)) / 2.0
    columns = statistics.columns
    flat = statistics.products.reshape(-1, (columns + 1) ** 2)
    whole = (total[:, first, second].reshape(-1) @ flat).reshape(columns + 1, columns + 1)
    moved = np.tensordot(uncertainty, information, axes=1)
    return whole[:-1, :-1] - np.einsum("kab,bc,kcd->ad", moved, model, information, optimize=True)


def _bend(optimum: Optimum, method: str, visits: int) -> Array | None:
    """Second derivatives of the covariance, weighted by the uncertainty, shape (T, T)."""
    shape, theta = optimum.structure, optimum.theta
    uncertainty = optimum.parameter_uncertainty
    if method == "kenward-roger-cholesky" and shape.name == "us":
        shape = structure("cholesky", visits)
        theta = shape.start(optimum.sigma)
        back = np.linalg.inv(shape.slopes(theta))
        uncertainty = back @ optimum.uncertainty @ back.T
    if shape.curvature is None:
        return None
    return matrix(np.tensordot(shape.curvature(theta), uncertainty, axes=2), visits)
