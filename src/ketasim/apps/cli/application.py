"""The application: its commands, and what an error looks like."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cyclopts import App, CycloptsError, Parameter, UnknownOptionError

from ketasim.__about__ import __version__
from ketasim._base import InputError, files_made, named, visible
from ketasim.apps.cli.analyse import analyse
from ketasim.apps.cli.calibrate import calibrate_app
from ketasim.apps.cli.console import example
from ketasim.apps.cli.evidence import evidence_app
from ketasim.apps.cli.export import export
from ketasim.apps.cli.forecast import forecast
from ketasim.apps.cli.harm import harm
from ketasim.apps.cli.imports import import_app
from ketasim.apps.cli.models import models_app
from ketasim.apps.cli.planning.compare import compare
from ketasim.apps.cli.planning.plan import plan
from ketasim.apps.cli.regimens import events, regimen
from ketasim.apps.cli.screen import screen
from ketasim.apps.cli.serve import serve
from ketasim.apps.cli.session import session
from ketasim.apps.cli.shards.gather import gather
from ketasim.apps.cli.shards.work import work
from ketasim.apps.cli.simulate import simulate
from ketasim.apps.cli.streams import OutputLostError, asks_for_help, bare, let_go, shielded
from ketasim.apps.cli.tables.fit import fit
from ketasim.apps.cli.tables.nca import nca
from ketasim.apps.cli.tables.predict import predict
from ketasim.apps.cli.trial import trial
from ketasim.apps.cli.validate import validate

BAD_INPUT = 2
INTERRUPTED = 130  # 128 plus the number of the signal, as shells have it

_LONGEST = 480  # characters of an error
_SHOWN = 60  # of a word in it

EPILOGUE = """\
Exit status:
  0    done
  1    screen --fail-on found what was asked for, evidence lint found errors,
       evidence meta found no study, gather found shards missing
  2    bad input: one line says what, and nothing is written
  130  interrupted: nothing is written

Example: ketasim simulate six_infusions --out out/six

Decision support for professionals; not medical advice."""

app = App(
    name="ketasim",
    help="Simulate ketamine therapy: from dose to concentration, receptor block, session effects "
    "and mood, each value with its source.",
    version=__version__,
    version_flags=["--version"],
    help_flags=["--help", "-h"],
    help_format="plaintext",  # Markdown would take a third of the time of `--help` to load
    suppress_keyboard_interrupt=False,  # `run` answers it
    default_parameter=Parameter(negative=()),  # no `--no-json` beside `--json`
    help_epilogue=EPILOGUE,
)
app.command(simulate, help_epilogue=example("simulate six_infusions --out out/six"))
app.command(
    compare,
    help_epilogue=example("compare six_infusions twice_weekly --out out/both"),
)
app.command(forecast, help_epilogue=example("forecast four_infusions_scored --out out/patient"))
app.command(
    plan,
    help_epilogue=example("plan six_infusions --number 4,6,8 --out out/plan"),
)
app.command(trial, help_epilogue=example("trial murrough2013 --out out/murrough2013"))
app.command(work, help_epilogue=example("work out/plan --shard 0"))
app.command(gather, help_epilogue=example("gather out/plan --out out/trial"))
app.command(
    analyse,
    help_epilogue=example(
        'analyse adqs.csv --model "CHG ~ BASE*AVISIT + TRT*AVISIT" --subject USUBJID --visit AVISIT'
    ),
)
app.command(session, help_epilogue=example("session esketamine_label --last"))
app.command(screen, help_epilogue=example("screen screen_interactions --fail-on contraindicated"))
app.command(harm, help_epilogue=example("harm sublingual_home --setting home"))
app.command(
    regimen,
    help_epilogue=example(
        "regimen \"esketamine 56 mg intranasal twice weekly x 4 wk\" --weight '78 kg'"
    ),
)
app.command(events, help_epilogue=example("events six_infusions --out out/events.csv"))
app.command(import_app)
app.command(
    predict,
    help_epilogue=example("predict model.toml data.csv --set CL=1.1 --out predictions.csv"),
)
app.command(fit, help_epilogue=example("fit model.toml data.csv --out out/fit"))
app.command(nca, help_epilogue=example("nca samples.csv --unit ng/mL --out nca.csv"))
app.command(export, help_epilogue=example("export reference --to sbml --out reference.xml"))
app.command(evidence_app)
app.command(models_app)
app.command(serve, help_epilogue=example("serve --port 8765"))
app.command(calibrate_app)
app.command(validate, help_epilogue=example("validate --out out/validation"))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit status; errors nobody expects keep their traceback."""
    with shielded():
        try:
            return _answered(arguments)
        finally:
            let_go()


def _answered(arguments: Sequence[str]) -> int:
    written = files_made()
    try:
        result = app(
            list(arguments),
            console=_help_console(arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except UnknownOptionError as error:
        return _refuse(_unknown_option(error))
    except (CycloptsError, InputError) as error:
        return _refuse(str(error))
    except MemoryError:
        what = "" if files_made() > written else ", and nothing was written"
        return _refuse(
            f"memory: it ran out{what}; ask for less, such as fewer patients, or for a larger limit"
        )
    except KeyboardInterrupt:
        what = "the files were written" if files_made() > written else "nothing was written"
        print(f"interrupted; {what}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return 0  # the reader has gone, as in `ketasim evidence list | head`
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # rich, which prints the help, ends so
            return 0
        raise
    except OutputLostError as error:
        reason = error.strerror or str(error)
        return _refuse(f"stdout: cannot be written to ({reason}); print into a file or a pipe")
    return result if isinstance(result, int) else 0


def _help_console(arguments: Sequence[str]) -> Any:
    """Where the help may use colours: at a terminal, whatever FORCE_COLOR asks for elsewhere."""
    if not asks_for_help(arguments):
        return None

    from rich.console import Console

    if bare(sys.stdout).isatty():
        return Console(file=bare(sys.stdout))
    return Console(file=sys.stdout, force_terminal=False, no_color=True)


def _unknown_option(error: UnknownOptionError) -> str:
    """What is said of an option that is not known, which may be a file with a dash before it."""
    word = error.token.value or error.token.keyword or ""
    name = named(word, _SHOWN)
    if Path(word).suffix.lower() in (".yaml", ".yml", ".csv") or os.path.lexists(word):
        return f"'{name}' is taken for an option; write './{name}', or '--' before it"
    return str(error)


def _refuse(text: str) -> int:
    line = " ".join(visible(text).split())
    print(f"error: {named(line, _LONGEST)}", file=sys.stderr)
    return BAD_INPUT
