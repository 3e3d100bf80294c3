"""Fills what is generated in the pages of the repository.

`python docs/build/pages.py` (`make pages`) makes every marked part of every page anew from cards,
declarations and kept results; `--check` changes nothing and names the pages that are not current;
`--recompute` first computes the kept results again, minutes, and draws their figures; those that
take longer only when they are named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import figures
import forecast_calibration
import forecast_early
import forecast_noise
import forecast_skill
import forecast_walk
import mechanism
import mood_beside
import mood_equations
import mood_recovery
import mood_refit
import mood_unseen
import mood_values
import reference
import reference_agreement
import results
import session_agreement
import session_firmness
import session_model
import visits
from ketasim.calibration.session import SessionFit, compare_session
from ketasim.evidence import load_card
from marks import MarkError, filled

ROOT = Path(__file__).parents[2]


@cache
def _session() -> SessionFit:
    return compare_session(load_card("session"))


REGIONS: dict[str, Callable[[], str]] = {
    "forecast-areas": forecast_skill.areas,
    "forecast-coverage": forecast_calibration.coverage,
    "forecast-early": forecast_early.early,
    "forecast-noise": forecast_noise.noise,
    "forecast-ranks": forecast_calibration.ranks,
    "forecast-skill": forecast_skill.skill,
    "forecast-walk": forecast_walk.walk,
    "mechanism": mechanism.mechanism,
    "mood-beliefs": mood_values.beliefs,
    "mood-definitions": mood_equations.definitions,
    "mood-notes": mood_equations.notes,
    "mood-numbers": mood_equations.numbers,
    "mood-quantities": mood_equations.quantities,
    "mood-recovery": mood_recovery.recovery,
    "mood-refit": mood_refit.refits,
    "mood-signals": mood_equations.signals,
    "mood-states": mood_equations.states,
    "mood-unseen": mood_unseen.unseen,
    "public-names": reference.public_names,
    "reference-agreement": reference_agreement.agreement,
    "reference-interactions": reference_agreement.interactions,
    "session-agreement": lambda: session_agreement.agreement(_session()),
    "session-equations": session_model.equations,
    "session-firmness": session_firmness.firmness,
    "session-misses": lambda: session_model.misses(_session()),
    "session-numbers": lambda: session_model.numbers(_session()),
    "visit-noise": visits.noise,
    "visits": visits.visits,
}
"""What makes each region."""
VALUES: dict[str, Callable[[], dict[str, str]]] = {
    "forecast": forecast_early.values,
    "mood": mood_values.mood_values,
}
"""What makes the values whose names begin so, as in `mood.half_fast`."""
RESULTS: dict[str, Callable[[], None]] = {
    "figures": figures.draw,
    "forecast-calibration": forecast_calibration.compute,
    "forecast-early": forecast_early.compute,
    "forecast-skill": forecast_skill.compute,
    "forecast-walk": forecast_walk.compute,
    "mood-beside": mood_beside.compute,
    "mood-recovery": mood_recovery.compute,
    "mood-refit": mood_refit.compute,
    "mood-unseen": mood_unseen.compute,
    "session-firmness": session_firmness.compute,
}
"""What computes the results that are kept."""
LONG = ("mood-refit", "mood-recovery")
"""Those that take most of an hour: they are computed when they are named (`make judge`)."""


def pages() -> list[Path]:
    """Return the pages that may have marks."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def current(page: Path) -> str:
    """Return a page as it should stand."""
    try:
        return filled(page.read_text(encoding="utf-8"), region, value)
    except MarkError as error:
        raise MarkError(f"{page.relative_to(ROOT).as_posix()}, {error}") from None


def is_current(page: Path) -> bool:
    """Return whether a page stands as it should."""
    return current(page) == page.read_text(encoding="utf-8")


@cache
def region(name: str) -> str:
    """Return what belongs into a region."""
    return REGIONS[name]()


def value(name: str) -> str:
    """Return what belongs into a value."""
    kind, _, rest = name.partition(".")
    if kind not in VALUES or rest not in _values(kind):
        raise KeyError(name)
    return _values(kind)[rest]


@cache
def _values(kind: str) -> dict[str, str]:
    return VALUES[kind]()


def main() -> int:
    """Do what is asked for.

    **Returns:** 1 where a page is not current and was only checked, or has a mark nobody can fill.
    """
    parser = argparse.ArgumentParser(description="Fills what is generated in the pages.")
    parser.add_argument("--check", action="store_true", help="change nothing")
    parser.add_argument(
        "--recompute",
        nargs="*",
        metavar="RESULT",
        help=f"compute kept results first, some of: {', '.join(RESULTS)}; none named: all but "
        f"{' and '.join(LONG)}, which take most of an hour",
    )
    asked = parser.parse_args()
    if unknown := sorted(set(asked.recompute or ()) - set(RESULTS)):
        parser.error(f"no result is called {unknown[0]!r}; there are: {', '.join(RESULTS)}")
    if asked.recompute is not None:
        _recompute(asked.recompute or [name for name in RESULTS if name not in LONG])
    outdated = results.outdated()
    for names, why in (
        (outdated, "a card has changed since"),
        (results.missing(), "was never computed"),
    ):
        for name in names:
            print(f'{name}: {why}; make pages ARGS="--recompute {name}"')
    try:
        stale = [page for page in pages() if not is_current(page)]
    except MarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for page in stale:
        name = page.relative_to(ROOT).as_posix()
        if asked.check:
            print(f"{name} is not current: make pages")
        else:
            page.write_text(current(page), encoding="utf-8")
            print(f"written: {name}")
    return int(asked.check and bool(stale or outdated))


def _recompute(names: list[str]) -> None:
    for name in names:
        print(f"{name}: computing", flush=True)
        RESULTS[name]()
        results.stamp(name)


if __name__ == "__main__":
    sys.exit(main())
