"""The effects of a session as equations of the concentrations at the effect site."""

from __future__ import annotations

from ketasim.dosing import Course
from ketasim.evidence import load_card
from ketasim.interop.export.ode import NORMAL_CDF, Formula, OdeModel, State
from ketasim.interop.export.shipped.behind import behind, reference
from ketasim.interop.export.shipped.pharmacokinetics import constant_of
from ketasim.models import SESSION
from ketasim.models.pk.declaration import Output
from ketasim.population import SESSION_CURVES

_COUNT = "sessions"
_MEANS = (
    "the CADSS is the mean and shares are those over all patients' sensitivities: omega, omega_g "
    "and between are in these means, and no random effects of the file"
)
_LEFT_OUT = (
    "not in the file: readings of blood pressure (sigma_SBP, sigma_DBP), what a placebo shows as "
    "well, when an effect is resolved, shares over a whole session, parameter uncertainty"
)
_TINY = "1e-30"  # an effect of which logarithms are taken; shares of it are none


def ode_of_session(course: Course | None = None) -> OdeModel:
    """The session behind the reference model: means and shares over patients' sensitivities.

    **Arguments:**

    - `course`: whose patient and doses stand in the file.
    """
    card = load_card(SESSION.name)
    mark = State(_COUNT, "sessions", "sessions begun, from 1 in the first", "0", dosed=False)
    moving = list(_drive())
    for curve in SESSION_CURVES:
        if curve.kind == "share":
            moving += _share(curve.name, curve.event, curve.title)
        else:
            moving.append(Formula(curve.name, _EXPRESSIONS[curve.name], curve.unit, curve.title))
    return behind(
        reference(course, mark),
        OdeModel(
            SESSION.name,
            SESSION.title,
            tuple(constant_of(card, one.name) for one in SESSION.parameters),
            (),
            (),
            (),
            tuple(Output(one.name, one.name, one.unit) for one in SESSION_CURVES),
            notes=(
                f"session: {card.title} (card {card.hash[:12]}), behind the reference model",
                f"every session puts 1 into {_COUNT} at its start: the CADSS habituates by it",
                _MEANS,
                _LEFT_OUT,
            ),
            moving=tuple(moving),
        ),
    )


def _drive() -> tuple[Formula, ...]:
    site = SESSION.site
    return (
        # an integrator may leave a concentration a hair below zero, of which powers have no value
        Formula("K", f"maximum(s_ketamine_{site}, 0)", "ng/mL", "S-ketamine at the effect site"),
        Formula("NK", f"maximum(s_norketamine_{site}, 0)", "ng/mL", "S-norketamine there"),
        Formula("u", "(K/(C50*(1 + NK/C100)))**hill", "ratio", "drive of the effect"),
        Formula("felt", "1 - 1/(1 + u)", "fraction", "share of the full effect"),
        Formula(
            "remaining",
            f"left + (1 - left)*exp(-(maximum({_COUNT}, 1) - 1)/sessions_A)",
            "fraction",
            "of the CADSS after earlier sessions",
        ),
        Formula("felt_least", f"maximum(felt, {_TINY})", "fraction", "with a logarithm"),
        Formula("score", "CADSS_full*remaining*felt_least", "point", "CADSS, median patient"),
        Formula("beyond", "log(CADSS_most/score)/omega", "-", "how far the scale's end is, SD"),
        Formula("inside", "beyond - omega", "-", "the same for the mean of those below it"),
        Formula("v_high", "(K/C50_high)**hill_high", "ratio", "drive of the drug high"),
        Formula("relief", "pain_K*K - pain_NK*NK", "cm", "pain relief before its limits"),
    )


_EXPRESSIONS = {
    # the score of a patient is log-normal and ends at the highest of the scale
    "CADSS": (
        f"score*exp(omega**2/2)*{NORMAL_CDF}(inside) + CADSS_most*(1 - {NORMAL_CDF}(beyond))"
    ),
    "drug_high": "Emax_high*(1 - 1/(1 + v_high))",
    "SBP": "SBP_full*felt",
    "DBP": "DBP_full*felt",
    "HR": "HR_full*felt",
    "pain_relief": "minimum(maximum(relief, 0), pain_max)",
    "cognition": "felt",
}


def _share(name: str, event: str, title: str) -> list[Formula]:
    """The share of patients who show an event, and how far the median patient is above it."""
    declared = SESSION.event(event)
    level = "felt_least*remaining" if declared.habituates else "felt_least"
    above = (
        f"{level}/{declared.threshold}" if declared.threshold else f"{level}*CADSS_full/CADSS_cut"
    )
    return [
        Formula(f"z_{name}", f"log({above})/omega", "-", f"{title}: above the threshold, SD"),
        Formula(name, f"{NORMAL_CDF}(z_{name})", "fraction", title),
    ]
