"""`ketasim fit`: a model and a table with observations go in, estimates come out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Parameter

from ketasim._base import InputError, KetasimWarning, write_whole
from ketasim.apps.cli.console import (
    AsJson,
    OutFolder,
    answer,
    check_folder,
    command_line,
    listen,
    note,
    print_table,
    progress_console,
    whole_number,
)
from ketasim.apps.cli.tables.asked import DrugOfTable, at_option, inputs_of
from ketasim.apps.cli.tables.numbered import numbered, settings

if TYPE_CHECKING:
    from ketasim.estimation import ModelFit

_FILES: Final = (
    *("parameters.csv", "individuals.csv", "predictions.csv", "summary.csv", "covariance.csv"),
    *("vpc.csv", "model.toml", "report.html"),
)
_N, _SEED = 500, 1
_OPTIONS: Final = {
    **{name: f"--{name}" for name in ("method", "dv", "error", "lloq", "fix", "correlated")},
    **{name: f"--{name}" for name in ("signed", "by", "bins", "n", "seed", "drug")},
    "standard_errors": "--se",
    "compartments": "--cmt",
    "events": "TABLE",
    "table": "TABLE",
}


def fit(
    model: Annotated[
        str, Parameter(help="Model: a TOML file; for --method map also one that ships.")
    ],
    table: Annotated[Path, Parameter(help="Event table (CSV and the like) with values as rows.")],
    /,
    *,
    out: OutFolder,
    method: Annotated[
        Literal["focei", "laplace", "map"],
        Parameter(help="Population by FOCE with interaction or Laplace, or subjects one by one."),
    ] = "focei",
    dv: Annotated[
        str, Parameter(help="Column of the values; of several outputs as CP=DV,CM=DVM.")
    ] = "DV",
    error: Annotated[
        str | None,
        Parameter(
            help="Residual error: additive, proportional, combined or log, or SDs to start from, "
            "as additive=0.3,proportional=0.1; the model's when left out."
        ),
    ] = None,
    lloq: Annotated[
        float | None,
        Parameter(help="Lower limit of quantification; values below count by probability (M3)."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        Parameter(name="--set", help="A parameter instead of the model's, such as CL=1.1."),
    ] = None,
    fix: Annotated[str, Parameter(help="Parameters that keep their value, such as KA,V3.")] = "",
    correlated: Annotated[
        list[str] | None,
        Parameter(help="Parameters whose effects are correlated, as CL,V or all; repeatable."),
    ] = None,
    signed: Annotated[
        str, Parameter(help="Parameters without variability that may be 0 or below.")
    ] = "",
    se: Annotated[
        Literal["observed", "sandwich"], Parameter(help="How standard errors are made.")
    ] = "observed",
    by: Annotated[str, Parameter(help="Column that the predictive check is stratified by.")] = "",
    bins: Annotated[str, Parameter(help="Times, h, between bins of the check: 1,4,12.")] = "",
    corrected: Annotated[
        bool, Parameter(help="Correct the predictive check by predictions.", negative=())
    ] = False,
    n: Annotated[int, whole_number("Data sets simulated for NPDE and predictive check.")] = _N,
    seed: Annotated[int, whole_number("Seed of them.")] = _SEED,
    cmt: Annotated[
        str | None,
        Parameter(help="What numbers in CMT stand for: 1=oral,2=iv, or your compartments."),
    ] = None,
    drug: DrugOfTable = "ketamine",
    as_json: AsJson = False,
) -> None:
    """Fit a linear model to observations: a population, or the parameters of each subject."""
    import warnings

    inputs = inputs_of(model, table)
    check_folder(out, _FILES, inputs=inputs)
    options: dict[str, Any] = {
        "method": method,
        "dv": _columns(dv),
        "error": _errors(error),
        "lloq": lloq,
        "parameters": settings(set_ or []),
        "fix": _parts(fix),
        "correlated": [_parts(group) for group in correlated or []],
        "signed": _parts(signed),
        "standard_errors": se,
        "by": by,
        "bins": _times(bins),
        "corrected": corrected,
        "n": n,
        "seed": seed,
        "compartments": numbered(cmt),
        "drug": drug,
    }
    listen()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetasimWarning)  # the result has them
        try:
            result = _fitted(model, table, options)
        except InputError as problem:
            raise at_option(problem, _OPTIONS) from None
    command = command_line(
        _command(
            ["ketasim", "fit", model, str(table), "--out", str(out)],
            {"--method": (method, "focei"), "--dv": (dv, "DV"), "--error": (error, None)},
            {"--lloq": (None if lloq is None else f"{lloq:g}", None), "--fix": (fix, "")},
            {"--signed": (signed, ""), "--se": (se, "observed"), "--by": (by, "")},
            {"--bins": (bins, ""), "--n": (str(n), str(_N)), "--seed": (str(seed), str(_SEED))},
            {"--cmt": (cmt, None), "--drug": (drug, "ketamine")},
            {"--set": set_ or [], "--correlated": correlated or []},
            corrected=corrected,
        )
    )
    paths = write_whole(out, result.files(command=command), inputs=inputs)
    answer(
        result,
        paths,
        _print,
        lambda: {
            "summary": result.summary().to_dicts(),
            "parameters": result.parameters().to_dicts(),
            "individuals": result.individuals().to_dicts(),
            "notes": list(result.notes),
        },
        as_json=as_json,
    )


def _fitted(model: str, table: Path, options: dict[str, Any]) -> ModelFit:
    from rich.text import Text

    from ketasim._base import visible
    from ketasim.estimation import fit as run

    with progress_console().status("reading the table") as status:

        def tell(text: str) -> None:
            status.update(Text(visible(text)))

        return run(model, table, progress=tell, **options)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _columns(text: str) -> str | dict[str, str]:
    """Read `DV`, or `CP=DV,CM=DVM`."""
    if "=" not in text:
        return text.strip()
    found: dict[str, str] = {}
    for part in _parts(text):
        output, sign, column = (one.strip() for one in part.partition("="))
        if not (sign and output and column):
            raise InputError("--dv", f"'{part}' names no column of an output", "write CP=DV")
        if output in found:
            raise InputError("--dv", f"{output} stands twice", "give it one column")
        found[output] = column
    return found


def _errors(text: str | None) -> str | dict[str, float] | None:
    """Read `combined`, or `additive=0.3,proportional=0.1`."""
    if text is None or "=" not in text:
        return text
    found: dict[str, float] = {}
    for part in _parts(text):
        kind, _, value = (one.strip() for one in part.partition("="))
        try:
            if kind in found or "_" in value:
                raise ValueError
            found[kind] = float(value)
            if not found[kind] > 0:
                raise ValueError
        except ValueError:
            raise InputError(
                "--error",
                f"'{part}' is no kind with an SD above 0",
                "write such as proportional=0.2",
            ) from None
    return found


def _times(text: str) -> list[float]:
    found: list[float] = []
    for part in _parts(text):
        try:
            found.append(float(part))
        except ValueError:
            raise InputError("--bins", f"'{part}' is no time", "give h, as 1,4,12") from None
    return found


def _command(words: list[str], *groups: dict[str, Any], corrected: bool) -> list[str]:
    """The words of a command with the options that are not as they are anyway."""
    *plain, repeated = groups
    for group in plain:
        for option, (value, usual) in group.items():
            words += [] if value in (usual, None) else [option, value]
    for option, values in repeated.items():
        for value in values:
            words += [option, value]
    return [*words, "--corrected"] if corrected else words


def _print(result: ModelFit) -> None:
    """Print the estimates, or the subjects."""
    from ketasim._base.headline import plain

    for text in result.notes:
        note(f"note: {text}")
    head = result.headline()
    print(head.title)
    if result.objective is not None:
        one = result.objective
        word = "converged" if one.converged else "NOT converged"
        print(
            f"objective {one.value:.3f} ({one.full:.3f} with the constant), AIC {one.aic:.1f}; "
            f"{word} after {one.iterations} steps"
        )
        names = {"variability": "SD of log ", "correlation": "correlation "}
        rows = [
            (
                names.get(e.kind, "" if e.kind == "typical" else f"{e.kind} error ") + e.name,
                plain(e.value, 4),
                "fixed" if e.fixed else "-" if e.rse is None else plain(e.rse, 2),
                e.interval(lambda end: plain(end, 3)),
                e.unit,
            )
            for e in result.estimates
        ]
        print_table(("", "estimate", "RSE %", "95 %", "unit"), rows)
        return
    table = result.individuals().to_dicts()
    shown = table[:_SHOWN]
    rows = [
        (
            one["ID"],
            one["parameter"],
            plain(one["value"], 3),
            f"{plain(one['low95'], 3)} to {plain(one['high95'], 3)}",
            one["unit"],
            plain(one["population"], 3),
            plain(one["from_data_percent"], 2),
        )
        for one in shown
    ]
    header = ("ID", "", "most likely", "95 %", "unit", "population", "from data %")
    print_table(header, rows)
    if len(table) > len(shown):
        print(f"{len(table) - len(shown)} more rows are in individuals.csv")


_SHOWN: Final = 40
