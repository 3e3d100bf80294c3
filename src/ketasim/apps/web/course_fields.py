"""A short form on a course: some fields are shown, all others travel along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from ketasim.apps.web.entries import Entry, field_label, sections, typed
from ketasim.apps.web.state import PageState

if TYPE_CHECKING:
    from ketasim._base import InputError

EXAMPLE: Final = "six_infusions"
"""What a page shows where the address has no course."""

_REGIMEN: Final = Entry(
    "regimen", "Regimen", "such as ketamine 0.5 mg/kg iv over 40 min on days 0 2 4", wide=True
)


@dataclass(frozen=True)
class Field:
    """A field with what stands in it, and what is wrong with it."""

    entry: Entry
    value: str
    error: str = ""


@dataclass(frozen=True)
class CourseForm:
    """A form.

    **Arguments:**

    - `fields`: shown. `carried`: name and value of the rest. `problem`: what is wrong with a field
      that is not shown, in words.
    """

    fields: tuple[Field, ...]
    carried: tuple[tuple[str, str], ...]
    problem: str = ""


def course_form(
    state: PageState, names: Sequence[str], error: InputError | None = None
) -> CourseForm:
    """Make a form.

    **Arguments:**

    - `state`: of the page. `names`: of the fields shown. `error`: why it cannot be used.
    """
    known = {entry.name: entry for section in sections() for entry in section.entries}
    known["regimen"] = _REGIMEN
    if "doses" in state.course:  # a table of doses travels along as it is
        names = [name for name in names if name != "regimen"]
    wrong = "" if error is None else _shown(error.field, names)
    told = "" if error is None else f"{error.problem}; {error.remedy}"
    fields = tuple(
        Field(known[name], typed(state, name), told if name == wrong else "") for name in names
    )
    pairs = parse_qsl(state.query(options=True), keep_blank_values=True)
    carried = tuple(pair for pair in pairs if not any(_under(pair[0], name) for name in names))
    elsewhere = error is not None and not wrong
    return CourseForm(
        fields, carried, f"{field_label(error.field)}: {told}" if error and elsewhere else ""
    )


def example_state(name: str = EXAMPLE) -> PageState:
    """The course that is shown where the address has none.

    **Arguments:**

    - `name`: of the example.
    """
    from ketasim.dosing.shipped import read_input

    return PageState(read_input(name, "course"))


def has_course(state: PageState) -> bool:
    """Whether an address says what is given."""
    return "regimen" in state.course or "doses" in state.course


def _under(name: str, field: str) -> bool:
    return name == field or name.startswith(f"{field}.")


def _shown(field: str, names: Sequence[str]) -> str:
    """The field of the form that an error is about; nothing where it is not shown."""
    name = field.replace("[", ".").replace("]", "")
    while name:
        inside = [one for one in names if _under(one, name)]
        if inside:
            return inside[0]
        name = name.rpartition(".")[0]
    return ""
