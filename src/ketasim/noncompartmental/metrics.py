"""The metrics of a profile, by the rules of the field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ketasim.noncompartmental.area import area, area_between, tail, value_at
from ketasim.noncompartmental.profile import INTO_VEIN, Curve, Profile, curve_of
from ketasim.noncompartmental.slope import Slope, fitted_slope, terminal_slope

METRICS: Final = {
    "c0": "concentration",
    "cmax": "concentration",
    "tmax": "h",
    "clast": "concentration",
    "tlast": "h",
    "auc_last": "area",
    "auc_inf_obs": "area",
    "auc_inf_pred": "area",
    "extrapolated_obs": "percent",
    "extrapolated_pred": "percent",
    "lambda_z": "1/h",
    "half_life": "h",
    "adj_r2": "",
    "lambda_z_points": "",
    "lambda_z_from": "h",
    "lambda_z_to": "h",
    "span": "half-lives",
    "aumc_last": "moment",
    "aumc_inf_obs": "moment",
    "mrt": "h",
    "cl": "clearance",
    "vz": "volume",
    "vss": "volume",
    "auc_tau": "area",
    "c_min": "concentration",
    "c_avg": "concentration",
    "fluctuation": "percent",
    "swing": "",
}
"""Metric to the kind of its unit, in the order of the columns."""

Partial = tuple[float, float]


@dataclass(frozen=True)
class Options:
    """How metrics are taken.

    **Arguments:**

    - `linear`: straight lines everywhere instead of logarithmic falls.
    - `partial`: pairs of h after the dose, between which areas are wanted.
    - `terminal`: h after the dose between which every point is fitted; nothing to choose them.
    """

    linear: bool = False
    partial: Sequence[Partial] = ()
    terminal: Partial | None = None


@dataclass(frozen=True)
class Measured:
    """A profile with its metrics.

    **Arguments:**

    - `profile`: the samples. `curve`: those that areas are taken of, nothing without any.
    - `slope`: the terminal line, nothing where there is none.
    - `values`: metric, or `auc_` with the hours, to its value; not a number where it is not known.
    - `why`: what is missing and why, in words.
    """

    profile: Profile
    curve: Curve | None
    slope: Slope | None
    values: dict[str, float]
    why: str


def partial_name(pair: Partial) -> str:
    """Column of a partial area, such as `auc_0_24`."""
    return f"auc_{pair[0]:g}_{pair[1]:g}"


def measure(profile: Profile, options: Options) -> Measured:
    """Take every metric of a profile."""
    names = [*METRICS, *map(partial_name, options.partial)]
    found = dict.fromkeys(names, np.nan)
    curve = curve_of(profile)
    if curve is None:
        found |= {"cmax": 0.0, "auc_last": 0.0}
        return Measured(profile, None, None, found, "no value above the limit of quantification")
    given, linear = profile.given, options.linear
    above = ~profile.below
    times, values = profile.times[above], profile.values[above]
    top = int(np.argmax(values))
    slope, why = _slope(profile, options, float(times[top]))
    rate = slope.rate if slope else np.nan
    found |= {
        "cmax": float(values[top]),
        "tmax": float(times[top]),
        "clast": float(values[-1]),
        "tlast": float(times[-1]),
        "auc_last": area(curve.times, curve.values, linear=linear),
        "aumc_last": area(curve.times, curve.values, moment=True, linear=linear),
    }
    if given.route == "bolus":
        found["c0"] = float(curve.values[0])
    if slope:
        _to_infinity(found, slope)
    for start, end in options.partial:
        found[partial_name((start, end))] = area_between(
            curve.times, curve.values, start, end, rate, linear=linear
        )
    if given.tau > 0:
        found["auc_tau"] = area_between(
            curve.times, curve.values, 0.0, given.tau, rate, linear=linear
        )
    if given.steady and given.tau > 0:
        _at_steady_state(found, profile, curve, rate, linear=linear)
    elif given.first:
        found["cl"] = given.amount / found["auc_inf_obs"]
        found["mrt"] = found["aumc_inf_obs"] / found["auc_inf_obs"]
    else:
        why = _also(why, "CL, Vz and MRT: doses came before; say where steady state is reached")
    if np.isnan(given.amount):
        why = _also(why, "CL and Vz: what was given is not what was measured")
    if given.route in INTO_VEIN:
        found["mrt"] -= given.mean_input
        found["vss"] = found["cl"] * found["mrt"]
    found["vz"] = found["cl"] / rate
    return Measured(profile, curve, slope, found, why)


def _also(why: str, what: str) -> str:
    return f"{why}; {what}" if why else what


def _slope(profile: Profile, options: Options, peak: float) -> tuple[Slope | None, str]:
    """The terminal line, or why there is none."""
    above = ~profile.below
    times, values = profile.times[above], profile.values[above]
    if options.terminal is None:
        after = max(peak, profile.given.ends)
        slope = terminal_slope(times, values, after)
        left = int((times > after).sum())
    else:
        low, high = options.terminal
        chosen = (times >= low) & (times <= high)
        slope, left = fitted_slope(times[chosen], values[chosen]), int(chosen.sum())
    if slope:
        return slope, ""
    few = f"half-life: {left} point{'' if left == 1 else 's'}, fewer than 3"
    return None, few if left < 3 else "half-life: the last points do not fall"


def _to_infinity(found: dict[str, float], slope: Slope) -> None:
    """Areas to infinity, and the part of them that no sample covers."""
    last, time, rate = found["clast"], found["tlast"], slope.rate
    observed = found["auc_last"] + tail(last, time, rate)
    predicted = found["auc_last"] + tail(slope.predicted, time, rate)
    found |= {
        "auc_inf_obs": observed,
        "auc_inf_pred": predicted,
        "extrapolated_obs": 100 * (1 - found["auc_last"] / observed),
        "extrapolated_pred": 100 * (1 - found["auc_last"] / predicted),
        "aumc_inf_obs": found["aumc_last"] + tail(last, time, rate, moment=True),
        "lambda_z": rate,
        "half_life": slope.half_life,
        "adj_r2": slope.adjusted,
        "lambda_z_points": float(len(slope.times)),
        "lambda_z_from": float(slope.times[0]),
        "lambda_z_to": float(slope.times[-1]),
        "span": slope.span,
    }


def _at_steady_state(
    found: dict[str, float], profile: Profile, curve: Curve, rate: float, *, linear: bool
) -> None:
    """Metrics of a dosing interval at steady state."""
    tau, whole = profile.given.tau, found["auc_tau"]
    within = curve.times < tau
    end = value_at(curve.times, curve.values, tau, rate, linear=linear)
    times = np.append(curve.times[within], tau)
    moment = area(times, np.append(curve.values[within], end), moment=True, linear=linear)
    least = float(profile.values[profile.times <= tau].min())
    found |= {
        "c_min": least,
        "c_avg": whole / tau,
        "fluctuation": 100 * (found["cmax"] - least) / (whole / tau),
        "swing": (found["cmax"] - least) / least if least else np.nan,
        "cl": profile.given.amount / whole,
        # what a dose leaves behind after tau is met again in every later interval
        "mrt": (moment + tau * (found["auc_inf_obs"] - whole)) / whole,
    }
