"""`ketasim evidence meta`: pool comparable published outcomes, with everything left out named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ketasim.apps.cli.console import (
    AsJson,
    check_folder,
    note,
    path_given,
    print_json,
    print_table,
    save,
)

if TYPE_CHECKING:
    from ketasim.synthesis import (
        MeanInterval,
        MetaResult,
        PooledEffect,
        StudyEffect,
    )

NOTHING_POOLED = 1
_FILES = ("meta.csv", "left_out.csv", "forest.svg", "forest.png")
_MOST_NAMED = 12  # left out for one reason; more are counted on the screen


def meta(
    *,
    drug: Annotated[
        str | None, Parameter(help="Such as ketamine or esketamine; needed without --event.")
    ] = None,
    route: Annotated[str | None, Parameter(help="Such as iv or intranasal.")] = None,
    scale: Annotated[
        str | None, Parameter(help="Scale, MADRS by default; 'any' for smd and percentages.")
    ] = None,
    metric: Annotated[
        str | None, Parameter(help="difference (default), smd, response or remission.")
    ] = None,
    at: Annotated[
        str | None, Parameter(help="Time after the first dose, such as '24 h' or '28 d'.")
    ] = None,
    within: Annotated[
        str | None, Parameter(help="How far a visit may be from it; a quarter by default.")
    ] = None,
    control: Annotated[
        str, Parameter(help="saline, midazolam, placebo_spray, placebo_oral, masked … or any.")
    ] = "any",
    measure: Annotated[
        str | None,
        Parameter(help="For percentages: or, rr or rd (odds or risk ratio, difference)."),
    ] = None,
    event: Annotated[
        str | None, Parameter(help="Pool this adverse event instead, such as dissociation.")
    ] = None,
    exclude: Annotated[
        list[str] | None, Parameter(help="Key of a trial to leave out; may be repeated.")
    ] = None,
    open_: Annotated[bool, Parameter(name="--open", help="Also open-label trials.")] = False,
    values: Annotated[
        str | None,
        Parameter(help="printed (the trial's own difference first, default) or arms."),
    ] = None,
    interval: Annotated[
        str, Parameter(help="Interval given first: modified, hksj or wald.")
    ] = "modified",
    out: Annotated[
        Path | None,
        Parameter(
            help="Folder for meta.csv, left_out.csv and the forest plot.", converter=path_given
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Pool comparable published outcomes: random effects, and all that was left out, with why.

    Exit status 1 when no study of the tables answers the question; nothing is written then.
    """
    from ketasim.synthesis import meta_query, pool_comparable

    if out is not None:
        check_folder(out, _FILES)
    query = meta_query(
        event,
        drug=drug,
        route=route,
        scale=scale,
        metric=metric,
        at=at,
        within=within,
        control=control,
        measure=measure,
        exclude=tuple(exclude or ()),
        open=open_,
        values=values,
        interval=interval,
    )
    result = pool_comparable(query)
    files = save(result, out) if out is not None and result.pooled is not None else []
    if as_json:
        print_json({**_document(result), "files": [str(path) for path in files]})
    else:
        _print(result)
        for path in files:
            print(path)
    if result.pooled is None:
        note("no study in the tables matches: nothing is pooled, nothing is written")
        return NOTHING_POOLED
    return 0


def _document(result: MetaResult) -> dict[str, Any]:
    """Everything as plain words and numbers; effects are given in the measure as well."""
    from dataclasses import asdict

    from ketasim.evidence import facts
    from ketasim.synthesis import shown

    selection, pooled = result.selection, result.pooled
    studies = [
        {**asdict(study), "weight": weight, "value": shown(result, study.effect)}
        for study, weight in zip(
            selection.studies, pooled.weights if pooled is not None else (), strict=True
        )
    ]
    told = None
    if pooled is not None:
        told = asdict(pooled) | {
            "value": shown(result, pooled.estimate),
            "value_low": shown(result, pooled.low),
            "value_high": shown(result, pooled.high),
            "hksj_is_narrower": pooled.hksj_is_narrower,
        }
    return {
        "query": asdict(selection.query) | {"title": selection.query.title},
        "studies": studies,
        "pooled": told,
        "published": [asdict(one) for one in result.published],
        "left_out": [asdict(one) for one in selection.left_out],
        "notes": list(selection.notes),
        "methods": [dict(row.cells) for row in facts("pooling_methods")],
    }


def _print(result: MetaResult) -> None:
    query, pooled = result.selection.query, result.pooled
    print(query.title[:1].upper() + query.title[1:])
    if query.is_ratio:
        print("Drug over control; ratios are pooled as logarithms, tau² is that of logarithms.")
    elif query.metric in ("difference", "smd"):
        print("Drug minus control; below 0 favours the drug.")
    else:
        print("Percentage with the drug minus percentage with control.")
    print()
    if pooled is not None:
        _print_studies(result, pooled)
        _print_pooled(result, pooled)
    for line in result.selection.notes:
        print(f"Note: {line}")
    _print_published(result)
    _print_left_out(result)
    _print_methods()


def _print_studies(result: MetaResult, pooled: PooledEffect) -> None:
    from ketasim.synthesis import NORMAL, control_words, plain_number, shown, time_words

    rows: list[tuple[str, ...]] = []
    for study, weight in zip(result.selection.studies, pooled.weights, strict=True):
        reach = NORMAL * study.se
        low, high = (
            plain_number(shown(result, study.effect + sign * reach)) for sign in (-1.0, 1.0)
        )
        rows.append(
            (
                study.label,
                " ".join(word for word in (study.drug, study.route, study.dose) if word),
                control_words(study.control),
                "" if study.time is None else time_words(study.time),
                _people(study.events, study.n),
                _people(study.events_control, study.n_control),
                plain_number(shown(result, study.effect)),
                f"{low} to {high}",
                f"{100 * weight:.1f} %",
                study.grade,
            )
        )
    heads = ("trial", "drug", "control", "time", "n drug", "n control")
    print_table((*heads, "effect", "95 % interval", "weight", "grade"), rows)
    print()
    for study in result.selection.studies:
        _print_study(study)
    print()


def _print_study(study: StudyEffect) -> None:
    from ketasim.evidence import source_names

    flags = f"; {'; '.join(study.flags)}" if study.flags else ""
    print(f"{study.label}: {study.population}. {study.basis}{flags}")
    print(f"  {', '.join(study.facts)} [{source_names(study.sources)}]")


def _people(events: int | None, n: int | None) -> str:
    if n is None:
        return "?"
    return str(n) if events is None else f"{events}/{n}"


def _print_pooled(result: MetaResult, pooled: PooledEffect) -> None:
    from ketasim.synthesis import plain_number, shown

    if pooled.k == 1:
        print(pooled.notes[0])
        return
    value = plain_number(shown(result, pooled.estimate))
    print(f"Pooled {value} (95 % interval {_ends(result, pooled.interval)}), {pooled.k} studies")
    print(f"  {pooled.method}")
    for name, one in (
        ("modified HKSJ", pooled.modified),
        ("HKSJ", pooled.hksj),
        ("Wald", pooled.wald),
    ):
        if one is not None:
            print(f"  {name + ':':<15} {_ends(result, one)}")
    tau2, low, high = map(plain_number, (pooled.tau2, pooled.tau2_low, pooled.tau2_high))
    print(f"  tau² {tau2} (Q-profile {low} to {high})", end="")
    if pooled.i2 is not None and pooled.q is not None and pooled.q_p is not None:
        print(
            f", I² {100 * pooled.i2:.0f} %, H² {plain_number(pooled.h2)}, "
            f"Q {plain_number(pooled.q)} on {pooled.q_df} df, p {_p(pooled.q_p)}",
            end="",
        )
    print()
    if pooled.prediction is not None:
        first, last = (plain_number(shown(result, end)) for end in pooled.prediction)
        print(f"  95 % prediction interval of a further study: {first} to {last}")
    if pooled.egger is not None:
        one = pooled.egger
        print(f"  Egger: intercept {plain_number(one.intercept)}, p {_p(one.p)} ({one.df} df)")
    for line in pooled.notes:
        print(f"  {line}")
    print()
    rows = [
        (
            one.label,
            plain_number(shown(result, one.estimate)),
            f"{plain_number(shown(result, one.low))} to {plain_number(shown(result, one.high))}",
            "" if one.tau2 is None else plain_number(one.tau2),
            "" if one.i2 is None else f"{100 * one.i2:.0f} %",
        )
        for one in pooled.without
    ]
    print_table(("without", "pooled", "95 % interval", "tau²", "I²"), rows)
    print()


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def _ends(result: MetaResult, interval: MeanInterval) -> str:
    from ketasim.synthesis import plain_number, shown

    low, high = (plain_number(shown(result, end)) for end in (interval.low, interval.high))
    return f"{low} to {high}"


def _print_published(result: MetaResult) -> None:
    from ketasim.evidence import source_name
    from ketasim.synthesis import time_words

    if not result.published:
        return
    print("\nPublished pooled estimates, with ours")
    for one in result.published:
        when = "" if one.time is None else f" at {time_words(one.time)}"
        scale = f", {one.scale}" if one.scale else ""
        verdict = "not the same trials"
        if one.comparable:
            here = {study.label for study in result.selection.studies}
            verdict = f"pools {' and '.join(one.members)}"
            verdict += ", as here" if here == set(one.members) else ", not all that is pooled here"
        whence = f"{source_name(one.source)}; {', '.join(one.facts)}"
        print(f"  {one.measure}{when}{scale}: {one.text} [{whence}]")
        print(f"    {verdict}: {one.why}")


def _print_left_out(result: MetaResult) -> None:
    """What was left out, by reason; details that differ between trials stand behind the name."""
    from ketasim.synthesis import left_out_by_reason

    print("\nLeft out (all names and their rows: left_out.csv of --out, or --json)")
    for reason, labels in left_out_by_reason(result):
        many = len(labels) > _MOST_NAMED
        print(f"  {reason}: {f'{len(labels)} trials' if many else ', '.join(labels)}")


def _print_methods() -> None:
    from ketasim.evidence import facts, source_names

    named = source_names(row.source for row in facts("pooling_methods"))
    print(f"\nMethods: table pooling_methods [{named}]")
