"""Data sets as CSV, SAS transport files and Dataset-JSON."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from ketasim._base import InputError, one_of, shortened
from ketasim._base.result import csv
from ketasim.trials.datasets.tables import LABELS, DataSet, data_sets, study_of

if TYPE_CHECKING:
    from ketasim.trials.result import TrialResult

FORMATS: Final = {"csv": "", "xpt": "pyreadstat", "json": "dsjframe"}
"""Format of a data set to the package that writes it."""


def check_formats(text: str) -> tuple[str, ...]:
    """Formats of a list such as `csv,xpt`.

    **Raises:** `InputError` for one that is unknown, or whose package is not installed.
    """
    names = tuple(dict.fromkeys(one.strip().lower() for one in text.split(",") if one.strip()))
    if not names:
        raise InputError("--datasets", "no format is named", one_of(FORMATS))
    for name in names:
        if name not in FORMATS:
            raise InputError("--datasets", f"unknown format '{shortened(name)}'", one_of(FORMATS))
        package = FORMATS[name]
        if package and find_spec(package) is None:
            raise InputError(
                "--datasets",
                f"{name} needs the package {package}, which is not installed",
                "run 'pip install ketasim[cdisc]', or write csv",
            )
    return names


def data_files(
    result: TrialResult, formats: Iterable[str], *, replicate: int | None = None
) -> dict[str, bytes]:
    """Data sets of a trial as files.

    **Arguments:**

    - `result`: of a trial. `formats`: some of `FORMATS`. `replicate`: as of `data_sets`.

    **Returns:** name, such as `adsl.xpt`, to content.

    **Raises:** `InputError`.
    """
    sets = data_sets(result, replicate=replicate)
    study = study_of(result)

    def made(one: DataSet, name: str) -> bytes:
        if name == "xpt":
            return _transport(one)
        return _json(one, study) if name == "json" else csv(one.table)

    return {f"{one.name.lower()}.{name}": made(one, name) for name in formats for one in sets}


def _transport(one: DataSet) -> bytes:
    """A SAS transport file of version 5, which regulators take."""
    import pyreadstat

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{one.name.lower()}.xpt"
        pyreadstat.write_xport(
            cast("Any", one.table.to_pandas()),
            str(path),
            file_label=one.label,
            column_labels=[LABELS[name] for name in one.table.columns],
            table_name=one.name,
            file_format_version=5,
        )
        return path.read_bytes()


def _json(one: DataSet, study: str) -> bytes:
    dsjframe: Any = import_module("dsjframe")  # it has no types
    import polars

    kinds: dict[Any, str] = {
        polars.String: "string",
        polars.Int64: "integer",
        polars.Float64: "float",
    }
    columns: Sequence[dict[str, Any]] = [
        {
            "itemOID": f"IT.{one.name}.{name}",
            "name": name,
            "label": LABELS[name],
            "dataType": kinds[cast("Any", type(kind))],
        }
        for name, kind in one.table.schema.items()
    ]
    metadata = {
        "itemGroupOID": f"IG.{one.name}",
        "studyOID": study,
        "name": one.name,
        "label": one.label,
        "columns": columns,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{one.name.lower()}.json"
        dsjframe.write_dataset(one.table.to_arrow(), path, metadata, json_indent=None)
        return path.read_bytes()
