"""`ketasim analyse`: the data of a trial, anybody's, as statisticians analyse them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from ketasim._base import InputError, near
from ketasim.apps.cli.console import (
    AsJson,
    MaybeFolder,
    check_file,
    check_folder,
    print_json,
    print_table,
    save,
    whole_number,
)

if TYPE_CHECKING:
    import polars

    from ketasim.trials.analysis import Analysis

METHODS: Final = ("mmrm", "ancova", "responder", "survival")
_FILES: Final = {
    "mmrm": ("differences.csv", "means.csv", "coefficients.csv", "covariance.csv"),
    "ancova": ("differences.csv", "means.csv", "coefficients.csv"),
    "responder": ("differences.csv", "arms.csv", "coefficients.csv"),
    "survival": ("hazard_ratios.csv", "log_rank.csv", "summary.csv", "curves.csv"),
    "imputed": ("differences.csv", "completed.csv"),
}
_LONG: Final = ("curves", "completed")  # tables that are written, and not printed
_ONLY: Final = {
    "--covariance": ("mmrm",),
    "--df": ("mmrm",),
    "--weights": ("mmrm",),
    "--strategy": ("mmrm",),
    "--visit": ("mmrm", "ancova", "responder"),
    "--visit-order": ("mmrm",),
    "--ties": ("survival",),
}


def analyse(
    data: Annotated[Path, Parameter(help="CSV or Parquet, one row a subject and visit.")],
    /,
    *,
    model: Annotated[
        str,
        Parameter(help="Such as 'CHG ~ BASE*AVISIT + TRT*AVISIT' or 'Surv(AVAL, EVENT) ~ TRT'."),
    ],
    method: Annotated[str, Parameter(help="mmrm (default), ancova, responder or survival.")] = (
        "mmrm"
    ),
    subject: Annotated[str | None, Parameter(help="Column of the subjects.")] = None,
    visit: Annotated[str | None, Parameter(help="Column of the visits.")] = None,
    visit_order: Annotated[
        str | None,
        Parameter(
            help="Column of numbers that orders the visits, such as AVISITN; or the visits in "
            "their order, such as 'Week 1, Week 2, Endpoint'."
        ),
    ] = None,
    arm: Annotated[
        str | None, Parameter(help="Column of the arms; else the only category of the model.")
    ] = None,
    reference: Annotated[
        list[str] | None,
        Parameter(help="Reference of the arm, or COLUMN=VALUE; may be repeated."),
    ] = None,
    factor: Annotated[
        list[str] | None, Parameter(help="A column of numbers that are categories; repeatable.")
    ] = None,
    covariance: Annotated[
        str | None,
        Parameter(help="us (default), toeph, toep, ar1h, ar1, csh, cs; or us,csh."),
    ] = None,
    df: Annotated[
        str | None, Parameter(help="kenward-roger (default), satterthwaite, residual, normal.")
    ] = None,
    weights: Annotated[str | None, Parameter(help="Column of weights.")] = None,
    strategy: Annotated[
        str | None, Parameter(help="Impute missing outcomes: mar, j2r, cr, cir or lmcf.")
    ] = None,
    way: Annotated[
        str, Parameter(help="With --strategy: conditional-mean or multiple-imputation.")
    ] = "conditional-mean",
    delta: Annotated[
        float | None, Parameter(help="With --strategy: points added to what is imputed.")
    ] = None,
    imputations: Annotated[int, whole_number("With multiple-imputation: how many.")] = 500,
    seed: Annotated[int, whole_number("Of multiple-imputation.")] = 1,
    ties: Annotated[str | None, Parameter(help="efron (default) or breslow.")] = None,
    out: MaybeFolder = None,
    as_json: AsJson = False,
) -> None:
    """Analyse a trial's data: mixed model, ANCOVA, responders or survival.

    Differences are each arm minus the reference. None of ketasim's models is used.
    """
    from ketasim.trials.analysis import ancova, imputed, mmrm, responder, time_to_event
    from ketasim.trials.analysis.table import read_table

    if method not in METHODS:
        raise InputError("--method", f"'{method}' is unknown", near(method, METHODS))
    given = {
        "--covariance": covariance,
        "--df": df,
        "--weights": weights,
        "--strategy": strategy,
        "--visit": visit,
        "--visit-order": visit_order,
        "--ties": ties,
    }
    for name, value in given.items():
        if value is not None and method not in _ONLY[name]:
            raise InputError(name, f"{method} takes none", "leave it out, or name another --method")
    if strategy is None and delta is not None:
        raise InputError("--delta", "nothing is imputed", "add --strategy, such as --strategy mar")
    check_file(data, "DATA")
    if out is not None:
        names = _FILES["imputed" if strategy is not None else method]
        check_folder(out, names, inputs=[data])
    table = read_table(data, "DATA")
    order: str | tuple[str, ...] | None = visit_order
    if visit_order is not None and visit_order not in table.columns:
        order = tuple(one.strip() for one in visit_order.split(","))
    common: dict[str, Any] = {
        "arm": arm,
        "reference": _references(reference or [], arm),
        "factors": tuple(factor or ()),
    }
    result: Analysis
    if method == "mmrm" and strategy is not None:
        for name, value in (("--df", df), ("--weights", weights), ("--covariance", covariance)):
            if value is not None:
                raise InputError(name, "not with --strategy", "leave one of them out")
        result = imputed(
            model,
            table,
            subject=subject or "",
            visit=visit or "",
            strategy=strategy,
            way=way,
            delta=delta,
            imputations=imputations,
            seed=seed,
            visit_order=order,
            **common,
        )
    elif method == "mmrm":
        result = mmrm(
            model,
            table,
            subject=subject or "",
            visit=visit or "",
            weights=weights,
            covariance=(covariance or "us").split(","),
            method=df or "kenward-roger",
            visit_order=order,
            **common,
        )
    elif method == "ancova":
        result = ancova(model, table, subject=subject, visit=visit, **common)
    elif method == "responder":
        result = responder(model, table, subject=subject, visit=visit, **common)
    else:
        result = time_to_event(model, table, subject=subject, ties=ties or "efron", **common)
    files = save(result, out, inputs=[data]) if out is not None else []
    if as_json:
        print_json(
            {
                "title": result.title,
                "metadata": result.metadata,
                "notes": list(result.notes),
                "tables": {name: one.to_dicts() for name, one in result.tables.items()},
                "files": [str(path) for path in files],
            }
        )
        return
    _print(result, files)


def _references(given: list[str], arm: str | None) -> Mapping[str, str] | str | None:
    """Name of a column to its reference category; or that of the arm alone, where it is to find."""
    found = dict[str, str]()
    alone = [text for text in given if "=" not in text]
    if len(alone) > 1:
        raise InputError(
            "--reference", f"'{alone[0]}' and '{alone[1]}'", "give one, or COLUMN=VALUE"
        )
    if alone and arm is None:
        if len(given) > 1:
            raise InputError(
                "--reference", f"'{alone[0]}' of which column?", "write COLUMN=VALUE, or add --arm"
            )
        return alone[0]
    for text in given:
        name, sign, value = text.partition("=")
        if sign:
            found[name.strip()] = value.strip()
        else:
            found[arm or ""] = text
    return found


def _print(result: Analysis, files: list[Path]) -> None:
    print(result.title)
    for name, table in result.tables.items():
        if name in _LONG:
            continue
        print(f"\n{name.replace('_', ' ').capitalize()}")
        print_table(table.columns, _cells(table))
    for note in result.notes:
        print(f"\n{note}")
    for path in files:
        print(path)


def _cells(table: polars.DataFrame) -> list[list[str]]:
    return [
        [_cell(name, value) for name, value in row.items()] for row in table.iter_rows(named=True)
    ]


def _cell(name: str, value: object) -> str:
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    if value != value:  # noqa: PLR0124 -- NaN
        return "-"
    if name == "p" or name.startswith("p_"):
        return "<0.0001" if value < 1e-4 else f"{value:.4f}"
    if name == "df":
        return "inf" if value == float("inf") else f"{value:.1f}"
    return f"{value:.5g}"
