"""The chain to mood: trials it has not seen, its mechanism, ratings of the same patients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ketasim.dosing import load_studies
from ketasim.evidence import load_card
from ketasim.validation.claims.claim import Claim, judged
from ketasim.validation.mechanism import mechanism_checks
from ketasim.validation.visits import visit_checks

_ANSWERS = {"yes": True, "no": False, "cannot tell": None}


def unseen(progress: Callable[[str], None] | None = None) -> Iterator[Claim]:
    """Every trial with a published change, predicted from the others; a minute or two.

    **Arguments:**

    - `progress`: told which trial is left out.
    """
    from ketasim.calibration.mood import judge_mood, unseen_targets  # slow to load

    arms, contrasts = judge_mood(load_card("mood"), progress=progress)
    for target in unseen_targets(arms, contrasts):
        yield Claim(
            area="unseen",
            what=target.name,
            where=f"{target.n} numbers from {target.trials} trials",
            published=None,
            predicted=100.0 * target.value if target.share else target.value,
            unit="%" if target.share else "points",
            criterion=target.goal,
            outcome=judged(target.met),
            grade="fitted",
            independent=True,
            source="",
            place="",
        )
    published_by = {trial.key: trial.source or "" for trial in load_studies()}
    for one in (*arms, *contrasts):
        span = f"day {one.time / 24.0:g}"
        if one.start is not None:
            span = f"day {one.start / 24.0:g} to {one.time / 24.0:g}"
        what = "change of the MADRS" if one.control is None else "difference in change"
        yield Claim(
            area="unseen",
            what=f"{what}, {span}",
            where=f"{one.trial}, {one.arm}" + (f" against {one.control}" if one.control else ""),
            published=one.published,
            predicted=one.predicted,
            unit="points",
            criterion="published number inside the 90 % prediction interval of such a trial",
            outcome=judged(one.inside),
            grade="fitted",
            independent=True,
            source=published_by[one.trial],
            place="mood/outcomes",
            low=one.low,
            high=one.high,
            error=one.predicted - one.published,
            measure="difference",
            covered=one.inside,
        )


def mechanism() -> Iterator[Claim]:
    """Receptor, glutamate and synapses beside published time courses."""
    for one in mechanism_checks():
        yield Claim(
            area="mechanism",
            what=one.what,
            where=one.species,
            published=one.published,
            predicted=one.predicted,
            unit=one.unit,
            criterion="size agrees" if one.kind == "size" else "order, direction or time agrees",
            outcome=judged(_ANSWERS[one.agrees]),
            grade="fitted",
            independent="The same source also set" not in one.note,
            source=one.source,
            place=one.locator,
            note=one.note,
        )


def visits() -> Iterator[Claim]:
    """Ratings of the same patients at several visits, and early against later response."""
    for one in visit_checks():
        met = _ANSWERS[one.agrees]
        yield Claim(
            area="visits",
            what=one.what,
            where=one.group,
            published=one.published,
            predicted=one.predicted,
            unit=one.unit,
            criterion="prediction inside the published 95 % interval",
            outcome=judged(met),
            grade="fitted",
            independent="Not independent" not in one.note,
            source=one.source,
            place="",
            error=one.predicted - one.published,
            measure="difference",
            covered=met,
            note=one.note,
            low=one.low,
            high=one.high,
        )
