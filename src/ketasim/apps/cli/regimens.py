"""`ketasim regimen` and `ketasim events`: what was understood, and event tables in and out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from ketasim._base import InputError, KetasimWarning, named, write_whole
from ketasim._base.result import csv
from ketasim.apps.cli.console import (
    AsJson,
    check_file,
    check_folder,
    check_input,
    listen,
    note,
    path_given,
    print_json,
    warn,
)
from ketasim.apps.cli.tables.numbered import numbered

if TYPE_CHECKING:
    from ketasim.dosing import EventTable, Regimen, Subject

_TABLES: Final = (".csv", ".tsv", ".tab", ".dat", ".prn")  # endings of event tables


def regimen(
    sentence: Annotated[str, Parameter(help="A regimen as in a course file.")],
    /,
    *,
    weight: Annotated[
        str | None, Parameter(help="Of the patient, such as '78 kg': doses are checked for it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say in plain words how a regimen is understood."""
    from ketasim._base import parse_quantity
    from ketasim.dosing import check_doses, load_course, parse_regimen

    understood = parse_regimen(sentence)
    checked: list[str] = []
    if weight is not None:
        kilograms = parse_quantity(weight, "kg", field="--weight")
        course = load_course({"patient": {"weight": f"{kilograms!r} kg"}, "regimen": sentence})
        checked = check_doses(course.regimen, kilograms)
    elif all(dose.unit == "mg/kg" for dose in understood.doses):
        # as large for whoever gets it: no weight is needed
        checked = check_doses(understood, 1.0)
    warnings = [*checked, *understood.assumptions]
    if as_json:
        print_json({**_document(understood), "warnings": warnings})
        return
    warn(warnings)
    print(*understood.describe(), sep="\n")


def events(
    file: Annotated[
        Path,
        Parameter(help="Course (YAML file, or name of an example), or event table (CSV) to check."),
    ],
    /,
    *,
    out: Annotated[
        Path | None,
        Parameter(help="Event table to write (CSV); printed when left out.", converter=path_given),
    ] = None,
    drug: Annotated[str, Parameter(help="Drug of a table without the column DRUG.")] = "ketamine",
    predict: Annotated[
        Path | None,
        Parameter(
            help="Predictions to write (CSV), at the observations of an event table.",
            converter=path_given,
        ),
    ] = None,
    pk_model: Annotated[
        str, Parameter(help="For --predict: reference, or a published model.")
    ] = "reference",
    cmt: Annotated[
        str | None,
        Parameter(help="Routes that numbers in CMT stand for, such as '1=oral,2=iv'."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Turn a course into a NONMEM-style event table; check or predict such a table."""
    found, is_table = file, file.suffix.lower() in _TABLES
    if predict is not None or is_table:
        check_file(file, "FILE")
    else:
        found = check_input(file, "FILE")
    for option, target in (("--out", out), ("--predict", predict)):
        if target is not None:
            check_folder(target.parent, [target.name], inputs=(found,), field=option)
            if target.suffix.lower() in (".yaml", ".yml"):
                raise InputError(
                    option,
                    f"'{named(target)}' has the ending of a course, and a table is written",
                    "name a file with the ending .csv",
                )
    if not is_table and (cmt is not None or drug != "ketamine"):
        raise InputError(
            "--drug" if cmt is None else "--cmt",
            "is for a table, and a course says what is given",
            "leave it out, and say it in the course",
        )
    if predict is None and pk_model != "reference":
        raise InputError("--pk-model", "is for --predict", "leave it out, or predict")
    if predict is not None:
        if out is not None:
            raise InputError(
                "--out", "with --predict only predictions are written", "leave --out out"
            )
        _predict(_table(file, drug, cmt), file, predict, pk_model, as_json)
        return

    from ketasim.dosing import load_course, write_events
    from ketasim.models import known_model

    if is_table:
        table = _table(file, drug, cmt)
        _tell(table, as_json)
        written = write_events(table)
        if out is None:
            return
    else:
        course = load_course(file)
        warn(course.regimen.assumptions)
        known_model(course.pk_model)
        written = write_events(course)
    if out is not None:
        content = csv(written)
        paths = write_whole(out.parent, {out.name: content}, inputs=(file,))
        if not is_table and as_json:
            print_json({"files": [str(path) for path in paths], "rows": written.height})
        elif not as_json:
            _list(paths)
    elif as_json:
        print_json({"columns": written.columns, "rows": written.to_dicts()})
    else:
        print(csv(written).decode(), end="")


def _table(file: Path, drug: str, cmt: str | None) -> EventTable:
    """The table of a file; what was made of its columns is printed as notes."""
    from ketasim.dosing import read_events

    if file.suffix.lower() not in _TABLES:
        raise InputError(
            "FILE", f"'{named(file)}' is no event table", "give a table with the ending .csv"
        )
    table = read_events(file, drug=drug, compartments=numbered(cmt))
    for text in table.notes:
        note(f"note: {text}")
    return table


def _predict(table: EventTable, file: Path, out: Path, pk_model: str, as_json: bool) -> None:
    import warnings

    from ketasim.simulation import predict_events

    listen()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", KetasimWarning)
        found = predict_events(table, pk_model=pk_model)
    told: list[str] = []
    for one in caught:
        if issubclass(one.category, KetasimWarning):
            if str(one.message) not in table.notes:  # which are printed already
                told.append(str(one.message))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    warn(told)
    content = csv(found)
    paths = write_whole(out.parent, {out.name: content}, field="--predict", inputs=(file,))
    if as_json:
        print_json(
            {
                "files": [str(path) for path in paths],
                "rows": found.height,
                "warnings": told,
                "notes": list(table.notes),
            }
        )
    else:
        _list(paths)


def _list(paths: Iterable[Path]) -> None:
    """Print where the files are; a device or pipe that was written into is none."""
    for path in paths:
        print(path)


def _tell(table: EventTable, as_json: bool) -> None:
    subjects = table.subjects
    if as_json:
        print_json(
            {
                "notes": list(table.notes),
                "subjects": [
                    {
                        "id": one.id,
                        "weight": one.weight,
                        "age": one.age,
                        "observations": len(one.observations),
                        "warnings": _guarded(one),
                        **(_document(one.regimen) if one.regimen else {"words": []}),
                    }
                    for one in subjects
                ],
            }
        )
        return
    for one in subjects:
        for warning in _guarded(one):
            note(f"warning: subject {one.id}: {warning}")
        weight = "" if one.weight is None else f", {one.weight:g} kg"
        print(f"Subject {one.id}{weight}: {len(one.observations)} observations")
        for line in one.regimen.describe() if one.regimen else ["no dose"]:
            print(f"  {line}")


def _guarded(subject: Subject) -> list[str]:
    """Warnings on the doses of a subject whose weight is known; refuses what a course would."""
    from ketasim.dosing import check_doses

    if subject.regimen is None or subject.weight is None:
        return []
    return check_doses(subject.regimen, subject.weight)


def _document(understood: Regimen) -> dict[str, Any]:
    return {
        "words": understood.describe(),
        "sessions": list(understood.sessions),
        "doses": [vars(dose) for dose in understood.doses],
    }
