"""What commands on a table share: the drug, the files that are read, errors at their option."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ketasim._base import InputError
from ketasim.apps.cli.console import check_file

DrugOfTable = Annotated[
    str, Parameter(help="Drug of a table without the column DRUG, for a model that ships.")
]


def inputs_of(model: str, table: Path) -> list[Path]:
    """Files that a command reads, and so does not write: the table, and a model's own file.

    **Raises:** `InputError` when the table cannot be read.
    """
    check_file(table, "TABLE")
    return [table, *([Path(model)] if Path(model).is_file() else [])]


def at_option(error: InputError, options: Mapping[str, str]) -> InputError:
    """An error whose field is an argument of Python, with the name of its option.

    **Arguments:**

    - `options`: argument to option; other errors stay as they are.
    """
    if error.field not in options:
        return error
    return InputError(options[error.field], error.problem, error.remedy)
