"""What came out, on the screen: a few lines of at most eighty characters before the files."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ketasim._base.words import counted
from ketasim.apps.cli.console import print_table

if TYPE_CHECKING:
    from ketasim._base import Headline
    from ketasim.dosing import Arm
    from ketasim.simulation import Simulation
    from ketasim.simulation.mood.beside import NearValue
    from ketasim.trials import PublishedValue, TrialResult

WIDTH: Final = 80
"""Characters of a line at most."""

_ROWS: Final = 9
_WEEKS: Final = 12
_VALUES: Final = 8
_NEAR: Final = 4
_NOTHING: Final = "-"
_ENDS: Final = ("trough", "peak")
_GAP: Final = "…"


def print_simulation(result: Simulation) -> None:
    """Print the headline of a course and its weeks."""
    from ketasim.simulation import shown_weeks

    _headline(result.headline())
    weeks = shown_weeks(result.weekly(), _WEEKS)
    if not weeks:
        return
    print("\nTrough: before a week's first session; peak: 24 h after its last")
    if any(week["sessions"] == 0 for week in weeks):
        print("(weeks without a session: at its start and end)")
    header = ("week", "sessions", "MADRS trough", "peak")
    header = (*header, "resp. % trough", "peak", "rem. % trough", "peak")
    rows: list[tuple[str, ...]] = []
    expected = 1
    for week in weeks:
        if week["week"] != expected:
            rows.append((_GAP, *[""] * (len(header) - 1)))
        expected = week["week"] + 1
        rows.append(
            (
                str(week["week"]),
                str(week["sessions"]),
                *(_points(week[f"MADRS_{when}"]) for when in _ENDS),
                *(_percent(week[f"response_{when}"]) for when in _ENDS),
                *(_percent(week[f"remission_{when}"]) for when in _ENDS),
            )
        )
    print_table(header, rows)
    left_out = len(result.weekly()) - len(weeks)
    if left_out:
        told = f"{counted(left_out, 'more week')} {'is' if left_out == 1 else 'are'}"
        print(f"{told} in --json and in Simulation.weekly()")
    _print_nearest(result)


def _print_nearest(result: Simulation) -> None:
    """Print what trials near the end of a course reported, and what the model gives for them."""
    near = [] if result.mood is None else [one for one in result.mood.near if one.near]
    if not near:
        return
    time = near[-1].own_time_h
    shown = [one for one in near if one.own_time_h == time][:_NEAR]
    print(f"\nNearest trials, about {_time(time)}: published, model for that trial (90 %), inside?")
    keys = dict.fromkeys(one.source for one in shown)
    marks = {key: f"[{place}]" for place, key in enumerate(keys, 1)}
    rows = [
        (
            f"{_near_what(one)} {marks[one.source]}",
            _interval(one.metric, one.published, None, None),
            _interval(one.metric, one.predicted, one.p05, one.p95),
            "yes" if one.inside else "no",
        )
        for one in shown
    ]
    _columns(rows)
    print_wrapped(f"{_sources(marks)}. In what they differ: in the report.", "  ")


def print_trial(result: TrialResult) -> None:
    """Print the headline of a trial and, where it is a published one, what it reported."""
    from ketasim.trials.headline import trial_headline

    headline = trial_headline(result.trial, result.summary(), result.characteristics, by_id=True)
    guesses = dict(result.blinding().select("arm", "guess_drug").iter_rows())
    entered = {name: float(counts.mean()) for name, counts in result.entered.items()}
    arms = [
        f"{arm.id} = {_arm(arm, guesses[arm.id], entered.get(arm.id))}" for arm in result.trial.arms
    ]
    _headline(headline, [*arms, *result.trial.notes])
    _print_power(result)
    published = _shown(result)
    if not published:
        return
    from ketasim.trials import DERIVED

    print("\nPublished (95 % interval), predicted (90 % of trials of this size), inside?")
    shown = published[:_VALUES]
    marks = {key: f"[{place}]" for place, key in enumerate(dict.fromkeys(map(_whence, shown)), 1)}
    rows = [
        (
            " ".join(
                filter(
                    None,
                    (one.arm, _metric(one), _time(one.time_h), marks[_whence(one)]),
                )
            ),
            _interval(one.metric, one.published, one.published_low, one.published_high),
            _interval(one.metric, one.predicted, one.p05, one.p95),
            {True: "yes", False: "no", None: _NOTHING}[one.inside],
            one.used.removesuffix(" only"),
        )
        for one in shown
    ]
    _columns(rows)
    left_out = sum(one.predicted is not None for one in result.reported) - len(rows)
    if left_out:
        print(f"  {left_out} more {'is' if left_out == 1 else 'are'} in the report")
    for whence, mark in marks.items():
        print_wrapped(f"{mark} {whence}", "  ")
    if any(one.grade == DERIVED for one in shown):
        print_wrapped("derived: the difference of the two published arms, computed here", "  ")


def _print_power(result: TrialResult) -> None:
    """Print the curve of power and assurance of the primary contrast."""
    found, primary = result.characteristics, result.trial.primary
    if found is None or primary is None:
        return
    from ketasim._base.words import capital, counted
    from ketasim.trials.headline import counted_arm, estimand_words
    from ketasim.trials.operating import TWO_POWERS

    table = found.table
    trials = f"% of {counted(result.trial.replicates, 'trial')} (Monte-Carlo error)"
    looks = "" if found.looks is None else "without looks, "
    print(f"\nBy patients in {counted_arm(result.trial)}, {looks}{trials}:")
    rows = [
        (
            row["analysis"],
            row["estimand"],
            str(row["n_per_arm"]),
            *(_share_of(row, key) for key in ("power", "assurance", "type1", "coverage")),
            str(row["failed"]),
        )
        for row in table.to_dicts()
    ]
    header = (
        "analysis",
        "estimand",
        "n",
        "power",
        "assurance",
        "type-I error",
        "coverage",
        "no estimate",
    )
    print_table(header, rows)
    if result.trial.rescue is not None:
        for estimand in dict.fromkeys(way.estimand for way in found.question.ways):
            print_wrapped(f"{capital(estimand_words(result.trial, estimand))}.")
    if found.looks is not None:
        print("Over all looks:")
        rows = [
            (
                str(row["n_per_arm"]),
                *(_share_of(row, key) for key in ("power", "assurance", "type1")),
                f"{row['patients_power']:.0f} of {row['n_total']}",
            )
            for row in found.looks.whole.to_dicts()
        ]
        print_table(("n", "power", "assurance", "type-I error", "patients in all, mean"), rows)
    if found.conditional:
        print_wrapped(found.conditional)
    print_wrapped(TWO_POWERS)


def _share_of(row: Mapping[str, float | None], key: str) -> str:
    value, error = row[key], row[f"{key}_mc_se"]
    if value is None or error is None:
        return _NOTHING
    return f"{100 * value:.1f} ({100 * error:.1f})"


def _near_what(one: NearValue) -> str:
    metric = f"{one.scale} change" if one.metric == "change" else one.metric
    return f"{one.trial} {one.arm}, {metric}, {_time(one.time_h)}"


def _sources(marks: Mapping[str, str]) -> str:
    from ketasim.evidence import source_name

    return "; ".join(f"{mark} {source_name(key)}" for key, mark in marks.items())


def _metric(one: PublishedValue) -> str:
    from ketasim.trials import value_in_words

    # the two arms are named beside it
    return "change" if one.metric == "contrast" else value_in_words(one.metric)


def _arm(arm: Arm, guess: float | None, entered: float | None) -> str:
    """What an arm is and gets, how many are in it, and how many of them guess the drug."""
    from ketasim._base.headline import share
    from ketasim.dosing import arm_details

    patients = f"{arm.n} patient{'' if arm.n == 1 else 's'}"
    if arm.branch is not None:
        patients = f"{entered or 0.0:.3g} of those on {arm.branch.of} (mean)"
    told = [arm.label, arm_details(arm), patients]
    if guess is not None and not arm.open:
        told.append(f"{share(guess)} % guess the drug")
    return ", ".join(dict.fromkeys(filter(None, told)))


def _whence(one: PublishedValue) -> str:
    """The source of a published value; of a second-hand one, what kind it is."""
    from ketasim.evidence import source_name

    # such a row's place in the source says what the source is: a news story, a digest
    return f"{source_name(one.source)}{f' (second-hand: {one.locator})' if one.second_hand else ''}"


def _shown(result: TrialResult) -> list[PublishedValue]:
    """What a trial reported of its outcomes, each once, the value that was fitted first."""
    found: dict[tuple[str, str, float | None], PublishedValue] = {}
    from ketasim.trials import DERIVED

    last = max((one.time_h or 0.0 for one in result.reported if one.grade == DERIVED), default=0.0)
    for one in sorted(result.reported, key=lambda one: one.used != "fitted"):
        earlier = one.grade == DERIVED and one.time_h != last
        if one.predicted is not None and not earlier and not one.metric.startswith("sd_"):
            metric = "change" if one.metric == "contrast" else one.metric
            found.setdefault((one.arm, metric, one.time_h), one)
    # comparisons of arms first, as in the lines above
    return sorted(found.values(), key=lambda one: " - " not in one.arm)


def _headline(headline: Headline, told: Sequence[str] = ()) -> None:
    """Print a headline, with what its names mean below the title."""
    print_wrapped(headline.title)
    for line in told:
        print_wrapped(line, "  ")
    rows = [(row.name, row.value, row.range, row.unit) for row in headline.rows if row.brief]
    rows = rows[:_ROWS]
    _columns(rows)
    note = " ".join(filter(None, (headline.note, headline.more)))
    if note:
        print_wrapped(note)


def _columns(rows: Sequence[tuple[str, ...]]) -> None:
    """Cells below each other; a long first one goes on in lines of its own."""
    if not rows:
        return
    widths = [max(len(row[i]) for row in rows) for i in range(1, len(rows[0]))]
    room = max(WIDTH - 2 - sum(width + 2 for width in widths), 16)
    room = min(max(len(row[0]) for row in rows), room)
    for name, value, *others in rows:
        lines = textwrap.wrap(name, room) or [""]
        cells = [lines[0].ljust(room), value.rjust(widths[0])]
        cells += [cell.ljust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print(f"  {'  '.join(cells)}".rstrip())
        for line in lines[1:]:
            print(f"    {line}")


def print_wrapped(text: str, indent: str = "") -> None:
    """Print a text in lines of the width of an answer; no word or range is cut."""
    print(
        textwrap.fill(
            text,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=f"{indent}  " if indent else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def _points(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.1f}"


def _percent(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.0%}".removesuffix("%")


def _time(hours: float | None) -> str:
    if hours is None:
        return ""
    return f"{hours:.3g} h" if hours < 48 else f"day {hours / 24:.3g}"


def _interval(metric: str, value: float | None, low: float | None, high: float | None) -> str:
    from ketasim.trials import is_share

    share = is_share(metric)

    def write(number: float | None) -> str:
        if number is None:
            return _NOTHING
        return f"{number:.0%}" if share else f"{number:.1f}"

    return write(value) if low is None else f"{write(value)} ({write(low)}, {write(high)})"
