"""The command line: `ketasim`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_INTERRUPTED = 130  # as `application` has it, which is not loaded yet


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process.

    Bad input is one line on the error stream and exit status 2; an interrupt is 130.

    **Arguments:**

    - `arguments`: words of the command, those of the process when left out.
    """
    try:
        from ketasim.apps.cli.application import run  # takes long enough to be interrupted
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))
