"""`ketasim nca`: sampled concentrations go in, non-compartmental metrics come out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from ketasim._base import InputError, KetasimWarning, named, write_whole
from ketasim._base.result import csv
from ketasim.apps.cli.console import (
    AsJson,
    check_file,
    check_folder,
    listen,
    note,
    path_given,
    print_json,
)
from ketasim.apps.cli.tables.asked import at_option

_OPTIONS: Final = {
    **{name: f"--{name}" for name in ("dv", "unit", "lloq", "route", "partial", "terminal")},
    **{name: f"--{name}" for name in ("by", "method")},
    "dose_unit": "--dose-unit",
    "events": "TABLE",
    "source": "TABLE",
}


def nca(
    table: Annotated[
        Path, Parameter(help="Event table (CSV and the like) with doses and samples as rows.")
    ],
    /,
    *,
    out: Annotated[
        Path, Parameter(help="Metrics to write (CSV), one row a profile.", converter=path_given)
    ],
    dv: Annotated[str, Parameter(help="Columns with concentrations, such as DV or CP,CM.")] = "DV",
    unit: Annotated[str, Parameter(help="Unit of concentrations, such as ng/mL.")] = "",
    dose_unit: Annotated[str, Parameter(help="Unit of AMT: mg, µg, g, or mg/kg.")] = "mg",
    lloq: Annotated[float | None, Parameter(help="Lower limit of quantification.")] = None,
    route: Annotated[
        Literal["iv", "extravascular"] | None,
        Parameter(help="Route of every dose, instead of what ROUTE, RATE and DUR say."),
    ] = None,
    steady_state: Annotated[
        bool,
        Parameter(
            help="Doses that follow others at equal intervals are at steady state.", negative=()
        ),
    ] = False,
    partial: Annotated[
        str, Parameter(help="Further areas, h after the dose, such as 0-2,0-24.")
    ] = "",
    terminal: Annotated[
        str | None,
        Parameter(help="Take every sample of these h after the dose for the half-life: 6-24."),
    ] = None,
    method: Annotated[
        Literal["linear-up-log-down", "linear"], Parameter(help="How areas are taken.")
    ] = "linear-up-log-down",
    by: Annotated[str, Parameter(help="Columns that the summary is grouped by: ARM,SEX.")] = "",
    points: Annotated[
        Path | None,
        Parameter(
            help="Every sample, and whether the half-life uses it (CSV).", converter=path_given
        ),
    ] = None,
    summary: Annotated[
        Path | None,
        Parameter(help="Statistics of each metric over profiles (CSV).", converter=path_given),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure sampled concentrations without a model: Cmax, areas, half-life, clearance."""
    import warnings

    check_file(table, "TABLE")
    targets = {"--out": out, "--points": points, "--summary": summary}
    wanted = {option: path for option, path in targets.items() if path is not None}
    seen: set[Path] = set()
    for option, path in wanted.items():
        check_folder(path.parent, [path.name], inputs=[table], field=option)
        if path.resolve() in seen:
            raise InputError(option, f"'{named(path)}' is written already", "name another file")
        seen.add(path.resolve())
    pairs = [_hours(part, "--partial") for part in _parts(partial)]
    late = None if terminal is None else _hours(terminal.strip(), "--terminal")

    listen()
    from ketasim.noncompartmental import nca as run

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetasimWarning)  # the result has them
        try:
            result = run(
                table,
                dv=_parts(dv),
                unit=unit,
                dose_unit=dose_unit,
                lloq=lloq,
                route=route,
                steady_state=steady_state,
                partial=pairs,
                terminal=late,
                method="linear" if method == "linear" else "linear up, log down",
                by=_parts(by),
            )
        except InputError as error:
            raise at_option(error, _OPTIONS) from None
    made = {"--out": result.table, "--points": result.points, "--summary": result.summary}
    content = {option: csv(made[option]()) for option in wanted}
    files: list[str] = []
    for folder in dict.fromkeys(path.parent.resolve() for path in wanted.values()):
        here = {o: path for o, path in wanted.items() if path.parent.resolve() == folder}
        several = {path.name: content[option] for option, path in here.items()}
        first = next(iter(here.values())).parent
        files += map(str, write_whole(first, several, field=next(iter(here)), inputs=[table]))
    if as_json:
        print_json({"metadata": result.metadata, "profiles": len(result.measured), "files": files})
        return
    for text in result.notes:
        note(f"note: {text}")
    print(result)
    for file in files:
        print(file)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _hours(text: str, option: str) -> tuple[float, float]:
    """Read `0-24`."""
    low, sign, high = text.partition("-")
    try:
        if not sign or "_" in text:
            raise ValueError
        return float(low), float(high)
    except ValueError:
        raise InputError(
            option, f"'{named(text, 40)}' is no interval", "give h after the dose, as 0-24"
        ) from None
