"""The application: its commands, and what an error looks like."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from ketasim.__about__ import __version__
from ketasim.apps.cli.calibrate import calibrate_app
from ketasim.apps.cli.evidence import evidence_app
from ketasim.apps.cli.harm import harm
from ketasim.apps.cli.models import models_app
from ketasim.apps.cli.regimens import events, regimen
from ketasim.apps.cli.screen import screen
from ketasim.apps.cli.session import session
from ketasim.apps.cli.simulate import simulate
from ketasim.apps.cli.trial import trial

BAD_INPUT = 2
INTERRUPTED = 130  # 128 plus the number of the signal, as shells have it

app = App(
    name="ketasim",
    help="Simulate ketamine therapy: a dose becomes a concentration and blocks receptors, "
    "and every number shows its source.",
    version=__version__,
    version_flags=["--version"],
    help_flags=["--help", "-h"],
    help_format="plaintext",  # Markdown would take a third of the time of `--help` to load
    suppress_keyboard_interrupt=False,  # `run` answers it
    default_parameter=Parameter(negative=()),  # no `--no-json` beside `--json`
    help_epilogue="It informs people with training; it gives no patient advice.",
)
app.command(simulate)
app.command(trial)
app.command(session)
app.command(screen)
app.command(harm)
app.command(regimen)
app.command(events)
app.command(evidence_app)
app.command(models_app)
app.command(calibrate_app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process.

    Bad input is one line on the error stream and exit status 2; an interrupt is 130.

    **Arguments:**

    - `arguments`: words of the command, those of the process when left out.
    """
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit status; errors nobody expects keep their traceback."""
    try:
        result = app(
            list(arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except CycloptsError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # the reader has gone, as in `ketasim evidence list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from ketasim._base import InputError  # loads numpy, which the help does without

        if isinstance(error, InputError):
            return _refuse(str(error))
        raise
    return result if isinstance(result, int) else 0


def _refuse(text: str) -> int:
    print(f"error: {' '.join(text.split())}", file=sys.stderr)
    return BAD_INPUT
