"""`ketasim calibrate`: fit the models to the published numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from ketasim.apps.cli.console import (
    AsJson,
    MaybeFolder,
    OutFolder,
    check_folder,
    command_line,
    example,
    listen,
    needed,
    print_json,
    progress_console,
    save,
    whole_number,
)
from ketasim.apps.cli.shards.planned import Cluster, PlanFolder, check_options, print_plan
from ketasim.apps.cli.shards.together import let_go_of, on_cluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.status import Status

    from ketasim._base.shards.plan import Plan
    from ketasim.calibration.mood import MoodFit
    from ketasim.calibration.pk import PkFit
    from ketasim.calibration.session import SessionFit

_FILES = {
    "pk": ("reference.toml", "fit.csv", "report.html"),
    "mood": (
        *("mood.toml", "fit.csv", "parameters.csv", "correlation.csv", "draws.csv", "unseen.csv"),
        *("refit.csv", "report.html"),
    ),
    "effects": ("session.toml", "fit.csv", "parameters.csv", "report.html"),
}

calibrate_app = App(
    name="calibrate",
    help="Fit a model to the published values.",
    help_epilogue=example("calibrate pk --out out/pk"),
)


@calibrate_app.command(help_epilogue=example("calibrate pk --out out/pk"))
def pk(*, out: OutFolder, as_json: AsJson = False) -> None:
    """Fit the reference pharmacokinetic model: card, table and report (about a minute)."""
    check_folder(out, _FILES["pk"])

    fit = _fit()
    command = command_line(["ketasim", "calibrate", "pk", "--out", str(out)])
    paths = save(fit, out, command=command)
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


@dataclass(frozen=True)
class MoodOptions:
    """What `calibrate mood` was called with, beside where its files go.

    **Arguments:**

    - `seed`, `refit`: the options.
    """

    seed: int = 1
    refit: bool = False

    def command(self, out: Path) -> str:
        """The command that writes the same files."""
        words = ["ketasim", "calibrate", "mood", "--out", str(out), "--seed", str(self.seed)]
        return command_line([*words, "--refit"] if self.refit else words)

    def files(self) -> tuple[str, ...]:
        """Names of what is written."""
        return _FILES["mood"]

    def gathered(self) -> dict[str, Any]:
        """What changes what is gathered: nothing."""
        return {}


@calibrate_app.command(help_epilogue=example("calibrate mood --out out/mood"))
def mood(
    *,
    out: MaybeFolder = None,
    seed: Annotated[int, whole_number("Seed of the virtual patients.")] = 1,
    refit: Annotated[
        bool,
        Parameter(
            help="Also leave ten trials out by a full refit each: the time of ten calibrations.",
        ),
    ] = False,
    plan: PlanFolder = None,
    cluster: Cluster = None,
    as_json: AsJson = False,
) -> None:
    """Fit the chain to mood to the published trials: card, tables, report (a few minutes)."""
    from ketasim._base import InputError

    check_options(out, plan, cluster, None)
    if not refit and (plan is not None or cluster is not None):
        option = "--plan" if plan is not None else "--cluster"
        raise InputError(option, "only full refits are divided", "add --refit, or leave it out")
    options = MoodOptions(seed, refit)
    if plan is None or cluster is not None:
        out = needed(out, "--out", "name a folder, such as --out out/mood")
        check_folder(out, options.files())
    if seed < 0:
        raise InputError("--seed", f"{seed} is below 0", "use a whole number from 0")
    if out is None:
        assert plan is not None
        print_plan(_planned(options, plan), as_json=as_json)
        return
    if cluster is not None:
        listen()
        fit = on_cluster(lambda folder: _planned(options, folder), out, plan, cluster)
    else:
        fit = _mood_fit(seed, refit)
    finished(fit, options, out, inputs=(), as_json=as_json)
    if cluster is not None and plan is None:
        let_go_of(out)


def finished(
    fit: MoodFit,
    options: MoodOptions,
    out: Path,
    *,
    inputs: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Write the files of a calibration of mood, and print what came of it.

    **Arguments:**

    - `options`: of the command. `out`: where the files go. `inputs`: files that were read.
    """
    paths = save(fit, out, inputs=inputs, command=options.command(out))
    numbers = _mood_numbers(fit)
    if as_json:
        print_json({**numbers, "files": [str(path) for path in paths]})
        return
    for target in numbers["targets"]:
        value = f"{100 * target['value']:.0f} %" if target["share"] else f"{target['value']:.2f}"
        noise = "" if target["noise"] is None else f"; noise floor {target['noise']:.2f}"
        verdict = "met" if target["met"] else "missed"
        print(f"{target['name']:<74} {value:>6}   {target['goal']}: {verdict}{noise}")
    for one in numbers["refits"]:
        print(
            f"{one['name']}: linear step and {one['trials']} full refits differ by "
            f"{one['differ']:.2f} points on average, {one['most']:.2f} at most"
        )
    for path in paths:
        print(path)


@calibrate_app.command(help_epilogue=example("calibrate session --out out/session"))
def session(*, out: OutFolder, as_json: AsJson = False) -> None:
    """Fit the effects of a session: card, tables and report (about a minute)."""
    check_folder(out, _FILES["effects"])

    fit = _session_fit()
    command = command_line(["ketasim", "calibrate", "session", "--out", str(out)])
    paths = save(fit, out, command=command)
    numbers = _session_numbers(fit)
    if as_json:
        print_json({**numbers, "files": [str(path) for path in paths]})
        return
    for row in numbers["inside"]:
        print(f"{row['name']:<34} {row['inside']:>3} of {row['n']:>3} inside the 90 % interval")
    for row in numbers["outside"]:
        label = f"{row['study']}, {row['what']}, {row['statistic']}"
        use = "" if row["use"] == "fit" else "   comparison only"
        print(f"outside: {label:<44} z {row['z']:+.1f}{use}")
    for path in paths:
        print(path)


def _session_fit() -> SessionFit:
    from ketasim.calibration.session import calibrate_session

    console = progress_console()
    with console.status("reading the published effects of sessions") as status:
        return calibrate_session(progress=_told(console, status))


def _session_numbers(fit: SessionFit) -> dict[str, Any]:
    from ketasim.calibration.session import session_dose_table
    from ketasim.calibration.session.tables import little_known, missed_of, session_coverage

    return {
        "inside": [vars(one) for one in session_coverage(fit)],
        "outside": [
            {
                "study": one.row.study,
                "what": one.row.what,
                "statistic": one.row.statistic,
                "use": one.row.use,
                "published": one.row.value,
                "predicted": one.predicted,
                "low": one.low,
                "high": one.high,
                "z": one.z,
                "why": why,
            }
            for one, why in missed_of(fit)
        ],
        "by_dose": session_dose_table(fit).to_dicts(),
        "spread_left": [{"symbol": symbol, "left": left} for symbol, left in little_known(fit)],
        "steps": fit.steps,
        "card": fit.card.hash,
    }


def _planned(options: MoodOptions, folder: Path) -> Plan:
    from ketasim.calibration.mood.shards import plan_refits

    console = progress_console()
    with console.status("reading the published trials") as status:
        told = _told(console, status)
        return plan_refits(folder, seed=options.seed, given=vars(options), progress=told)


def _mood_fit(seed: int, refit: bool) -> MoodFit:
    from ketasim.calibration.mood import calibrate_mood

    console = progress_console()
    with console.status("reading the published trials") as status:
        return calibrate_mood(seed=seed, refit=refit, progress=_told(console, status))


def _mood_numbers(fit: MoodFit) -> dict[str, Any]:
    from ketasim.calibration.mood import judged, refit_summary
    from ketasim.calibration.mood.tables import mood_targets

    return {
        "targets": [vars(target) for target in mood_targets(fit)],
        "arms": [vars(one) for one in judged(fit.arms)] if fit.arms else [],
        "contrasts": [vars(one) for one in judged(fit.contrasts)] if fit.contrasts else [],
        "refits": [vars(one) for one in refit_summary(fit.refits)],
        "seed": fit.seed,
        "patients": fit.patients,
        "steps": fit.steps,
        "card": fit.card.hash,
    }


def _fit() -> PkFit:
    from ketasim.calibration.pk import calibrate_pk

    console = progress_console()
    with console.status("reading the published exposures") as status:
        return calibrate_pk(progress=_told(console, status))


def _numbers(fit: PkFit) -> dict[str, Any]:
    from ketasim.calibration.pk import agreement_table

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


def _told(console: Console, status: Status) -> Callable[[str], None]:
    """How progress is told: in place at a terminal, a line each where there is none."""

    def tell(text: str) -> None:
        if console.is_terminal:
            status.update(text)
        else:
            console.print(text, highlight=False)

    return tell
