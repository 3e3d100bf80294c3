"""`ketasim predict`: a model and an event table go in, a prediction at every row comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from ketasim._base import InputError, KetasimWarning, named, write_whole
from ketasim._base.result import csv
from ketasim.apps.cli.console import (
    AsJson,
    check_folder,
    listen,
    note,
    path_given,
    print_json,
    whole_number,
)
from ketasim.apps.cli.tables.asked import DrugOfTable, at_option, inputs_of
from ketasim.apps.cli.tables.numbered import numbered, settings

if TYPE_CHECKING:
    from ketasim.simulation import Prediction

_OPTIONS: Final = {
    **{name: f"--{name}" for name in ("n", "seed", "uncertainty", "residual", "drug")},
    "compartments": "--cmt",
    "events": "TABLE",
}


def predict(
    model: Annotated[
        str, Parameter(help="Model: a TOML file, or the name of one that ships ('ketasim models').")
    ],
    table: Annotated[Path, Parameter(help="Event table (CSV and the like).")],
    /,
    *,
    out: Annotated[
        Path,
        Parameter(help="Predictions to write (CSV), one row a record.", converter=path_given),
    ],
    set_: Annotated[
        list[str] | None,
        Parameter(
            name="--set", help="A parameter instead of the model's, such as CL=1.1; repeatable."
        ),
    ] = None,
    cmt: Annotated[
        str | None,
        Parameter(
            help="What numbers in CMT stand for: routes of a model that ships, such as "
            "'1=oral,2=iv', or compartments of your own."
        ),
    ] = None,
    n: Annotated[int | None, whole_number("Draws of every subject, by the model's sd_log.")] = None,
    seed: Annotated[int | None, whole_number("Seed of the draws.")] = None,
    uncertainty: Annotated[
        bool,
        Parameter(help="Draw the parameters within their standard errors (rse).", negative=()),
    ] = False,
    residual: Annotated[
        bool, Parameter(help="Add the residual error of the outputs.", negative=())
    ] = False,
    draws: Annotated[
        Path | None,
        Parameter(help="Every draw of every row, to write (Parquet).", converter=path_given),
    ] = None,
    drug: DrugOfTable = "ketamine",
    as_json: AsJson = False,
) -> None:
    """Predict a model, your own or one that ships, at every row of a NONMEM event table."""
    import warnings

    inputs = inputs_of(model, table)
    for option, target in (("--out", out), ("--draws", draws)):
        if target is not None:
            check_folder(target.parent, [target.name], inputs=inputs, field=option)
    if draws is not None:
        if n is None:
            raise InputError("--draws", "there are no draws", "ask for them, as --n 500")
        if draws.resolve() == out.resolve():
            raise InputError("--draws", f"'{named(draws)}' is --out as well", "name another file")
    given = settings(set_ or [])

    listen()
    from ketasim.simulation import predict as run

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetasimWarning)  # the result has them
        try:
            result = run(
                model,
                table,
                parameters=given,
                compartments=numbered(cmt),
                n=n,
                seed=seed,
                uncertainty=uncertainty,
                residual=residual,
                drug=drug,
            )
        except InputError as error:
            raise at_option(error, _OPTIONS) from None
    files = _write(result, out, draws, inputs)
    if as_json:
        print_json(
            {
                "metadata": result.metadata,
                "rows": len(result.rows),
                "outputs": [one.name for one in result.outputs],
                "files": files,
            }
        )
        return
    for text in result.notes:
        note(f"note: {text}")
    print(result)
    for file in files:
        print(file)


def _write(result: Prediction, out: Path, draws: Path | None, inputs: list[Path]) -> list[str]:
    """Write the predictions, and the draws beside them; the larger one first."""
    from ketasim._base.result import parquet

    content = csv(result.table())
    if draws is not None and draws.parent.resolve() == out.parent.resolve():
        both = {out.name: content, draws.name: parquet(result.draws())}
        return [str(path) for path in write_whole(out.parent, both, inputs=inputs)]
    written: list[Path] = []
    if draws is not None:
        several = {draws.name: parquet(result.draws())}
        written = write_whole(draws.parent, several, field="--draws", inputs=inputs)
    return [
        str(path)
        for path in (*write_whole(out.parent, {out.name: content}, inputs=inputs), *written)
    ]
