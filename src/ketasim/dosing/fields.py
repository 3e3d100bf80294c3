"""Fields of an input file: quantities with their unit, and errors as one line with a remedy."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from ketasim._base import NUMBER, InputError, near, one_of, parse_quantity, read_number, shortened
from ketasim.vocabulary import read_clock, read_moment

FROZEN: Final = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
"""What every model of an input has in common."""

Model = TypeVar("Model", bound=BaseModel)

MOST_LETTERS: Final = 2_000
"""Most characters of a line of text: a limit against slips."""
MOST_ENTRIES: Final = 200
"""Most entries of a list of medicines or diseases: a limit against slips."""

_CUSTOM: Final = "ketasim"
_HUGE: Final = 1e300
_PLAIN: Final = 1e12  # numbers up to here are written out in remedies
_GROUPED: Final = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")  # thousands, or decimals
_KINDS: Final = {
    "string_type": ("is not text", "write it in quotes"),
    "tuple_type": ("is not a list", "write it as a list, such as [a, b]"),
    "list_type": ("is not a list", "write it as a list, such as [a, b]"),
    "int_type": ("is not a whole number", "give a whole number"),
    "int_from_float": ("is not a whole number", "give a whole number"),
    "float_type": ("is not a number", "give a number"),
    "float_parsing": ("is not a number", "give a number"),
    "finite_number": ("is not a finite number", "give a finite number"),
    "too_long": ("has too many entries", f"give at most {MOST_ENTRIES}"),
    "model_type": ("is not a mapping of names to values", "write it as 'name: value' lines"),
}


def quantity(
    to: str, low: float, high: float, *, bare: bool = False, example: str = ""
) -> BeforeValidator:
    """Validator of a value such as `78 kg`.

    **Arguments:**

    - `to`: the unit of the number it returns.
    - `low`, `high`: the range accepted, ends included, in that unit.
    - `bare`: a number without a unit is accepted and is in that unit.
    - `example`: what to write, for errors, when it is not what is usual for the unit.
    """

    def read(value: object) -> float:
        text = value
        if bare and isinstance(value, int | float) and not isinstance(value, bool):
            # a whole number of thousands of digits cannot even be written
            text = f"{value!r} {to}" if abs(value) < _HUGE else "a number of too many digits"
        try:
            return parse_quantity(text, to, field="", low=low, high=high)
        except InputError as error:
            _check_range(value)
            if to == "h":
                _check_duration(value)
                _check_visit(value)
            remedy = error.remedy
            if example and "such as" in remedy:
                remedy = f"write it with its unit, such as '{example}'"
            raise refuse(error.problem, remedy) from None

    return BeforeValidator(read, json_schema_input_type=str | float if bare else str)


def as_number(value: object) -> object:
    """Read a number that is text, as one with a decimal comma is; other values stay.

    **Raises:** the error of a validator, for what may be two numbers, such as `1,000`.
    """
    text = value.strip() if isinstance(value, str) else ""
    if re.fullmatch(NUMBER, text) is None:
        return value
    try:
        return float(read_number(text, field=""))
    except InputError as error:
        raise refuse(error.problem, error.remedy) from None


def _check_duration(value: object) -> None:
    """Refuse a clock time or a date as what it is, where a time that passes is asked for."""
    try:
        found = "a date" if read_moment(value) else ""
        found = found or ("a clock time" if read_clock(value) is not None else "")
    except InputError:
        return
    if found:
        remedy = "write how much later it is, with its unit, such as '9 h'"
        raise refuse(f"'{shortened(value)}' is {found}", remedy)


_NAMED: Final = re.compile(r"(?:study\s+)?(day|d|week|wk|w)\s*([0-9]{1,4})", re.IGNORECASE)
_RANGE: Final = re.compile(rf"{NUMBER}\s*(?:-|\u2013|to)\s*[0-9].*", re.IGNORECASE | re.DOTALL)
_TITLED: Final = ("baseline", "screening", "randomisation", "randomization", "enrolment")


def _check_range(value: object) -> None:
    """Refuse a range where one value is asked for; a date looks like one, and is none."""
    text = value.strip() if isinstance(value, str) else ""
    if _RANGE.fullmatch(text) is not None and text.count("-") < 2:
        raise refuse(f"'{shortened(text)}' is a range", "write the one value that is meant")


def _check_visit(value: object) -> None:
    """Refuse the name of a visit where a time that passes is asked for."""
    text = value.strip() if isinstance(value, str) else ""
    shown = shortened(text)
    if text.lower() in _TITLED:
        raise refuse(
            f"'{shown}' is before treatment: its score is the baseline",
            "leave it out; times count from 0 h, the start of day 0",
        )
    named = _NAMED.fullmatch(text)
    if named is None:
        return
    number, unit = int(named[2]), "d" if named[1].lower().startswith("d") else "wk"
    if unit == "d" and number > 0:
        raise refuse(
            f"'{shown}' names a day, counted from 0 or from 1",
            f"write '{number - 1} d' where the first dose is on day 1, '{number} d' where it is "
            "on day 0",
        )
    raise refuse(f"'{shown}' is no time with its unit", f"write '{number} {unit}' after day 0")


def word(known: Sequence[str], *, listed: bool = False) -> BeforeValidator:
    """Validator of one word out of several, whatever its case.

    **Arguments:**

    - `known`: the words.
    - `listed`: answer an unknown word with all of them, because the nearest may mean another thing.
    """
    by_name = {name.lower(): name for name in known}

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise refuse(f"'{shortened(value)}' is not a word", one_of(known))
        found = by_name.get(value.strip().lower())
        if found is None:
            remedy = one_of(known) if listed else _nearest(value, known)
            raise refuse(f"unknown value '{shortened(value)}'", remedy)
        return found

    return BeforeValidator(read)


def one_line(value: object) -> str:
    """A text on one line; refuses what is no text, and one of more than `MOST_LETTERS`."""
    if not isinstance(value, str):
        raise refuse(f"'{shortened(value)}' is not text", "write it in quotes")
    line = " ".join(value.split())
    if len(line) > MOST_LETTERS:
        raise refuse(
            f"'{shortened(line)}' has {len(line):,} characters", f"write at most {MOST_LETTERS:,}"
        )
    return line


Text = Annotated[str, BeforeValidator(one_line)]
"""A line of text."""


def refuse(problem: str, remedy: str, below: str = "") -> PydanticCustomError:
    """Error of a validator; `validated` adds the field and raises `InputError`.

    **Arguments:**

    - `problem`, `remedy`: as of `InputError`.
    - `below`: of a whole model, the field of it that is at fault.
    """
    return PydanticCustomError(
        _CUSTOM, "{problem}; {remedy}", {"problem": problem, "remedy": remedy, "below": below}
    )


def validated(model: type[Model], value: object, *, prefix: str = "") -> Model:
    """Make a model from what a user wrote.

    **Arguments:**

    - `model`: the class.
    - `value`: a mapping of names to values.
    - `prefix`: dotted path of the mapping itself, for errors.

    **Raises:** `InputError` with the dotted path of the first field that cannot be used, such as
    `patient.weight` or `doses[1].over`; a misspelt name is answered with the nearest known one.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        # a misspelt name is why another is missing, so it is told first
        details = sorted(error.errors(), key=lambda d: d["type"] != "extra_forbidden")
        raise _translated(details[0], model, prefix) from None


def _translated(detail: ErrorDetails, model: type[BaseModel], prefix: str) -> InputError:
    location, kind, given = detail["loc"], detail["type"], detail["input"]
    field = dotted(prefix, location)
    if kind == _CUSTOM:
        context = detail.get("ctx", {})
        field = dotted(field, (context["below"],)) if context.get("below") else field
        return InputError(field, str(context["problem"]), str(context["remedy"]))
    if kind == "extra_forbidden":
        owner = _model_at(model, location[:-1])
        known = tuple(owner.model_fields)
        name = str(location[-1])
        head, colon, _ = name.partition(":")
        if colon and head in known:
            return InputError(field, f"unknown key '{name}'", "write a space after the colon")
        head = re.sub(r"\s*[(\[].*", "", name).lower()
        if head != name.lower() and head in known:
            remedy = f"write it as '{head}', with the unit behind the value"
            return InputError(field, f"unknown key '{shortened(name)}'", remedy)
        meant: Mapping[str, str] = getattr(owner, "meant", {})
        if name.lower() in meant:
            return InputError(field, f"unknown key '{shortened(name)}'", meant[name.lower()])
        below = _inside(model, name) if len(location) == 1 else ""
        remedy = (
            f"write it under {below}: {dotted(prefix, (below, name))}"
            if below
            else _nearest(name, known)
        )
        return InputError(field, f"unknown key '{shortened(name)}'", remedy)
    if kind == "missing":
        return InputError(field, "is missing", "add it")
    if kind in _KINDS:
        problem, remedy = _KINDS[kind]
        if kind in ("int_type", "float_type") and isinstance(given, str):
            remedy = _as_number(given) or remedy
        if kind in ("int_type", "int_from_float") and _GROUPED.fullmatch(str(given)):
            remedy = "write it without the point or comma"  # which of two numbers, is not known
        return InputError(field or "course", f"'{shortened(given)}' {problem}", remedy)
    message = detail["msg"].replace("Input should be", "give a value").replace("\n", " ")
    return InputError(field, f"'{shortened(given)}' cannot be used", message)


def _as_number(text: str) -> str:
    """What to write for a number that was written as text; empty when it is none."""
    try:
        plain = float(read_number(text.strip(), field=""))
    except InputError:
        return ""
    return f"write {plain:.12g}, a number without quotes" if abs(plain) < _PLAIN else ""


def dotted(prefix: str, location: Sequence[str | int]) -> str:
    """Dotted path of a field, such as `doses[1].over`."""
    path = prefix
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _nearest(given: str, known: Sequence[str]) -> str:
    by_name = {name.lower(): name for name in known}
    same = by_name.get(given.strip().lower())
    hint = f"did you mean '{same.lower()}'?" if same else near(given.strip().lower(), by_name)
    match = re.fullmatch(r"did you mean '(.*)'\?", hint)
    return f"did you mean '{by_name[match[1]]}'?" if match else one_of(known)


def _inside(model: type[BaseModel], name: str) -> str:
    """The first field that is a mapping with a key of this name; empty where there is none."""
    for field, info in model.model_fields.items():
        inner = _model_in(info.annotation, listed=False)
        if inner is not None and name in inner.model_fields:
            return field
    return ""


def _model_at(model: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel]:
    """The model at a place inside another.

    A class may have `meant`: keys that people write, which it has not, to what they write instead.
    """
    current: type[BaseModel] = model
    for part in location:
        if isinstance(part, str):
            inner = _model_in(current.model_fields[part].annotation)
            if inner is None:
                break
            current = inner
    return current


def _model_in(annotation: Any, *, listed: bool = True) -> type[BaseModel] | None:
    """The model of a field, or with `listed` of the members of a field that is a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    lists = (tuple, list) if listed else ()
    if get_origin(annotation) in (Union, types.UnionType, Annotated, *lists):
        found = (_model_in(part, listed=listed) for part in get_args(annotation))
        return next((model for model in found if model is not None), None)
    return None
