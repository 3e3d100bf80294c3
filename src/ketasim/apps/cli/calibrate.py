"""`ketasim calibrate`: fit the models to the published numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclopts import App

from ketasim.apps.cli.console import AsJson, OutFolder, check_folder, print_json

if TYPE_CHECKING:
    from ketasim.inference import PkFit

calibrate_app = App(name="calibrate", help="Fit a model to the published numbers.")


@calibrate_app.command
def pk(*, out: OutFolder, as_json: AsJson = False) -> None:
    """Fit the reference pharmacokinetic model: card, table and report (about a minute)."""
    check_folder(out)

    from ketasim._base import write_whole
    from ketasim.outputs import calibration_report, fit_table

    fit = _fit()
    paths = write_whole(
        out,
        {
            "reference.toml": _card(fit),
            "fit.csv": fit_table(fit).write_csv().encode(),
            "report.html": calibration_report(
                fit, command=f"ketasim calibrate pk --out {out}"
            ).encode(),
        },
    )
    if as_json:
        print_json({**_numbers(fit), "files": [str(path) for path in paths]})
        return
    for row in _numbers(fit)["agreement"]:
        print(
            f"{row['by']:<8} {row['group']:<34} n {row['n']:>3}   "
            f"fold error {row['fold_error']:.2f}   within two-fold {100 * row['within_two']:.0f} %"
        )
    for path in paths:
        print(path)


def _fit() -> PkFit:
    from rich.console import Console

    from ketasim.inference import calibrate_pk

    console = Console(stderr=True)
    with console.status("reading the published exposures") as status:
        return calibrate_pk(progress=status.update)


def _card(fit: PkFit) -> bytes:
    from ketasim.evidence import write_card

    return write_card(fit.card).encode()


def _numbers(fit: PkFit) -> dict[str, Any]:
    from ketasim.inference import agreement_table

    return {
        "agreement": [vars(row) for row in agreement_table(fit)],
        "interactions": [
            {
                "fact": one.row.fact,
                "analyte": one.row.analyte,
                "published": one.row.value,
                "predicted": one.predicted,
                "fold_error": one.fold,
            }
            for one in fit.interactions
        ],
        "objective": {"before": fit.cost_before, "after": fit.cost_after},
    }
