"""The verb `export`: a model as the source of another engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ketasim._base import InputError, near
from ketasim._base.text import shortened
from ketasim.dosing import Course
from ketasim.evidence import load_card
from ketasim.interop.export.antimony import antimony_text
from ketasim.interop.export.mrgsolve import mrgsolve_text
from ketasim.interop.export.nonmem import nonmem_text
from ketasim.interop.export.ode import OdeModel
from ketasim.interop.export.own import ode_of_own
from ketasim.interop.export.rxode2 import rxode2_text
from ketasim.interop.export.sbml import sbml_text
from ketasim.interop.export.shipped.behind import ode_of_receptor
from ketasim.interop.export.shipped.course import event_table, given_by
from ketasim.interop.export.shipped.mood import ode_of_mood
from ketasim.interop.export.shipped.pharmacokinetics import ode_of_shipped
from ketasim.interop.export.shipped.session import ode_of_session
from ketasim.models import MODELS, RECEPTOR, LinearModel
from ketasim.models.pk.declaration import CompartmentModel
from ketasim.models.pk.file import read_model

if TYPE_CHECKING:
    import polars as pl

FORMATS: Final = {
    "sbml": sbml_text,
    "antimony": antimony_text,
    "mrgsolve": mrgsolve_text,
    "rxode2": rxode2_text,
    "nonmem": nonmem_text,
}
"""Format to what writes it."""

WITH_EVENTS: Final = ("sbml", "antimony")
"""Formats whose file has the doses of a course; the others read them from a table."""

_REFERENCE: Final = "reference"
_TYPICAL: Final = "the course's typical patient; its virtual patients are not written"

DRIVEN: Final = ("receptor", "mood", "session")
"""Models that concentrations drive; each is exported behind the reference model."""


def export(
    model: CompartmentModel | LinearModel | str | Path,
    to: str,
    *,
    parameters: Mapping[str, float] | None = None,
    course: Course | None = None,
    data: str = "data.csv",
) -> str:
    """Write a model as the source of another engine.

    **Main arguments:**

    - `model`: the name of a model that ships (also `receptor`, `mood` and `session`, which stand
      behind the reference model), the path of a TOML file, or a declaration (`ketasim.pk`).
    - `to`: one of `FORMATS`.

    **Other arguments:**

    - `parameters`: name to number, instead of those of a model of one's own.
    - `course`: whose patient stands in the file of a model that ships. In SBML and Antimony its
      doses do as well, as events; for the other formats `export_table` has them.
    - `data`: name of the table of events, as a NONMEM control stream says it.

    **Returns:** the text of the file.

    **Raises:** `InputError` for a model or a format that is not known, a model of one's own without
    numbers, a course that the model cannot follow, and what the format has no word for.
    """
    if to not in FORMATS:
        raise InputError("--to", f"'{shortened(to)}' is not known", near(to, FORMATS))
    found = _equations(model, dict(parameters or {}), course)
    if course is not None and course.population is not None:
        found = replace(found, notes=(_TYPICAL, *found.notes))
    return FORMATS[to](replace(found, data=data))


def export_table(
    model: LinearModel | str | Path,
    course: Course,
) -> pl.DataFrame:
    """The doses of a course as the table of events that an exported model reads.

    **Arguments:**

    - `model`: one that ships. `course`: with its patient.

    **Returns:** columns ID, TIME (h), EVID, AMT, RATE, CMT (numbers of the exported file), DV, MDV
    and the covariates. Rows to be predicted (EVID 0) are at every dose, 30 min, 1, 2, 4 and 24 h
    after it, and every day.

    **Raises:** `InputError` as of `export`.
    """
    return event_table(_equations(model, {}, course))


def _equations(model: Any, parameters: dict[str, float], course: Course | None) -> OdeModel:
    if isinstance(model, str | Path):
        text = str(model)
        if text in DRIVEN and not Path(text).exists():
            return _driven(text, parameters, course)
        if text in MODELS and not Path(text).exists():
            model = MODELS[text]
        elif Path(text).suffix.lower() == ".toml" or Path(text).exists():
            model = read_model(text)
        else:
            raise InputError(
                "MODEL",
                f"'{shortened(text)}' is no model that ships, and there is no such file",
                f"{near(text, [*MODELS, *DRIVEN])}; a model of your own is a file with the ending "
                ".toml",
            )
    if isinstance(model, LinearModel):
        if MODELS.get(model.name) is not model:
            raise InputError(
                "MODEL",
                f"'{model.name}' is a LinearModel without numbers",
                "write it as a TOML file, or as a CompartmentModel of ketasim.pk",
            )
        _check_shipped(parameters)
        if course is None:
            return ode_of_shipped(model)
        return replace(
            ode_of_shipped(model, course.patient),
            given=given_by(course, model, load_card(model.name)),
            horizon=course.horizon,
        )
    if course is not None:
        raise InputError(
            "--course",
            "is of a model that ships; a model of your own has no drugs and routes",
            "leave it out: its doses are rows of your table",
        )
    return ode_of_own(model.with_values(parameters))


def _check_shipped(parameters: dict[str, float]) -> None:
    if parameters:
        raise InputError(
            "--set", "is of a model of your own", "leave it out, and change the file written"
        )


def _driven(name: str, parameters: dict[str, float], course: Course | None) -> OdeModel:
    _check_shipped(parameters)
    if course is not None and course.pk_model != _REFERENCE:
        raise InputError(
            "pk_model",
            f"'{course.pk_model}' has no effect site, behind which '{name}' stands",
            "leave pk_model out of the course: the reference model has one",
        )
    if name == "mood":
        return ode_of_mood(course)
    return ode_of_session(course) if name == "session" else ode_of_receptor(RECEPTOR, course)
