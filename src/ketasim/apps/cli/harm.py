"""`ketasim harm`: published harm over time beside what a course gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ketasim.apps.cli.console import (
    AsJson,
    check_folder,
    check_input,
    note,
    path_given,
    print_json,
    print_table,
    save,
    warn,
)

if TYPE_CHECKING:
    from ketasim.screening import HarmReport, HarmStatement, TreatmentExposure


def harm(
    course: Annotated[Path, Parameter(help="Course file (YAML), or name of an example.")],
    /,
    *,
    setting: Annotated[
        str | None,
        Parameter(
            help="Where the doses are taken: supervised or home. Left out: patient.place, or "
            "both are shown."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        Parameter(name="--out", help="Folder for harm.csv and harm.json.", converter=path_given),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show published harm over time beside a course: treatment and recreational use kept apart."""
    file = check_input(course, "COURSE")
    if out is not None:
        check_folder(out, ("harm.csv", "harm.json"), inputs=(file,))

    from ketasim.dosing import load_course
    from ketasim.models import known_model
    from ketasim.screening import harms_over_time

    loaded = load_course(course)
    known_model(loaded.pk_model)
    report = harms_over_time(loaded, setting=setting)
    for path in [] if out is None else save(report, out, inputs=(course,)):
        note(str(path))
    if as_json:
        print_json({"title": loaded.title, "warnings": loaded.warnings, **report.to_dict()})
        return
    warn(loaded.warnings)
    print(loaded.title or course.name)
    _exposure(report.exposure)
    _positions(report)
    _harms(report)
    print("\nNot known")
    _statements(report.not_known)
    if not report.not_known:
        print("    - no row of this class and drug")
    print("\nNotes")
    for line in (*report.notes, "No risk is computed from these numbers."):
        print(f"  - {line}")


def _exposure(exposure: TreatmentExposure) -> None:
    print("\nThe course")
    rate = exposure.sessions_per_week
    rows = [
        ["sessions", f"{exposure.sessions}"],
        ["from the first to the last", f"{exposure.weeks:.3g} weeks"],
        ["mean sessions per week", "-" if rate is None else f"{rate:.2g}"],
        ["most sessions in any 7 days", f"{exposure.most_in_7_days}"],
    ]
    for drug, mg in exposure.milligrams.items():
        per_kg = exposure.milligrams_per_kg[drug]
        rows.append([f"total {drug}", f"{mg:,.0f} mg of base, {per_kg:.3g} mg/kg"])
    print_table(["", "given"], rows)


def _positions(report: HarmReport) -> None:
    from ketasim.evidence import source_name

    print(f"\nThe course's class of exposure: {', or '.join(report.exposure_classes)}")
    print("Comparison with published exposures (no risk is computed)")
    for one in report.positions:
        print(f"  {one.what}, {one.exposure_class}: {one.relation}")
        print(f"    course:    {one.course}")
        print(f"    published: {one.published} [{source_name(one.source)}; {', '.join(one.facts)}]")
        print(f"    {one.meaning}")


def _harms(report: HarmReport) -> None:
    from ketasim.screening import EXPOSURE_CLASSES, HARMS

    for name in HARMS:
        rows = [row for row in report.of(name) if row.known]
        print(f"\n{name[0].upper()}{name[1:]}")
        if name == "boxed warning":
            _boxed(rows)
            continue
        # what holds for every exposure comes first, without a heading
        _statements([row for row in rows if row.exposure_class == "any"], report.factors)
        # a law or a label has no classes; elsewhere an empty class of the course is told
        split = any(row.exposure_class != "any" for row in rows)
        for exposure_class in EXPOSURE_CLASSES[:-1]:
            seen = [row for row in rows if row.exposure_class == exposure_class]
            own = split and exposure_class in report.exposure_classes
            if seen or own:
                print(f"  {exposure_class}{' (a class of the course)' if own else ''}")
                _statements(seen, report.factors)
            if own and not seen:
                print("    - nothing in the tables")


def _boxed(rows: Sequence[HarmStatement]) -> None:
    """The elements of a boxed warning, one line a version of its text."""
    from ketasim.evidence import source_names, with_source_names

    before = "The warning names "
    for version in dict.fromkeys(row.topic for row in rows):
        texts = [row for row in rows if row.topic == version]
        named = ", ".join(row.statement.removeprefix(before).rstrip(".") for row in texts)
        print(f"    - {version}: names {named}.")
        dates = list(dict.fromkeys(row.date for row in texts))
        places = dict.fromkeys(row.jurisdiction for row in texts)
        limits = [with_source_names(row.limits) for row in texts if row.limits]
        tail = [*places, f"date {' and '.join(dates)}", *limits]
        found = dict.fromkeys(one for row in texts for one in (row.id, *row.facts))
        whence = source_names(row.source for row in texts)
        print(f"      {'; '.join(tail)} [{whence}; {', '.join(found)}]")


def _statements(
    rows: Sequence[HarmStatement], factors: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Rows with their sources; of a factor of misuse, whether the patient's history names it."""
    from ketasim.evidence import with_source_names
    from ketasim.screening import harm_source

    for row in rows:
        about = [row.population, f"n = {row.n:,}" if row.n else "", row.duration]
        whom = ", ".join(one for one in about if one)
        subject = {"boxed warning": row.topic, "controlled status": row.jurisdiction}
        of_whom = f" ({whom})" if whom else ""
        print(f"    - {subject.get(row.harm, row.drug)}: {row.statement}{of_whom}")
        place = ", ".join(one for one in (row.jurisdiction, row.date) if one != "not shown")
        if factors and row.id in factors:
            words = "; ".join(factors[row.id])
            print(f"      of this patient: {f'the file names {words}' if words else 'not stated'}")
        tail = [
            row.certainty,
            place,
            f"limits: {with_source_names(row.limits)}" if row.limits else "",
        ]
        found = f"{harm_source(row)}; {', '.join((row.id, *row.facts))}"
        print(f"      {'; '.join(one for one in tail if one)} [{found}]")
