"""The state of a page: its address. The same course as YAML, as a command and as Python."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pprint import pformat
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl, quote_plus

from ketasim._base import InputError

if TYPE_CHECKING:
    from ketasim.dosing import Course

TEXTS: Final = ("title", "regimen", "start", "pk_model", "patient.medicines", "patient.history")
"""Fields that are text whatever stands in them; what is below them too."""

LINES: Final = ("patient.medicines", "patient.history")
"""Fields that are lists, which a form writes with an entry a line."""

SWITCHES: Final = ("typical", "uncertainty")
"""Options that are on or off; read, an option that is on is True and one that is off is gone."""

_ON: Final = ("true", "on", "1")
_OFF: Final = ("false", "off", "0")
_MOST_PAIRS: Final = 6_000
_DEEPEST: Final = 6
_SCALAR: Final = re.compile(r"[-+]?\.?[0-9][0-9.eE+-]*|true|false|null|~|True|False", re.ASCII)
_INDEX: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_HALF: Final = re.compile("[\ud800-\udfff]")  # of a character: JSON can name it, no text has it
_BETWEEN: Final = re.compile(r",(?!\d)")  # of medicines in a line; not of a decimal or thousands
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class PageState:
    """What a page shows: a course as its YAML file has it, and the options of the page.

    **Arguments:**

    - `course`: as `load_course` reads it; empty where none is given.
    - `options`: of the page, such as `{"typical": True}`.
    """

    course: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def read(cls, query: str, options: Iterable[str] = ()) -> PageState:
        """Read the query string of an address.

        Names are the keys of the YAML file with dots (`patient.age=42`), positions of a list
        numbers (`doses.0.day=0`); a name that comes several times is a list. A field left empty is
        not given.

        **Arguments:**

        - `query`: as of the address, without `?`.
        - `options`: names of the page's own; all others belong to the course.

        **Raises:** `InputError` when it cannot be read.
        """
        known = frozenset(options)
        given: dict[str, list[str]] = {}
        for name, value in _pairs(query):
            if value.strip():
                given.setdefault(name, []).append(value)
            elif name == "population.n":
                given = {key: one for key, one in given.items() if not _under(key, "population")}
                known |= {"population"}  # switched off: what else is said of it is not used
        course, own = _Tree(), _Tree()
        for name, values in given.items():
            tree = own if name.split(".")[0] in known else course
            tree.put(name, _value(name, values))
        chosen = own.content()
        chosen.pop("population", None) if "population" not in options else None
        return cls(course.content(), _switched(chosen))

    def query(self, *, options: bool = False) -> str:
        """The query string that reads back as this state.

        **Arguments:**

        - `options`: those of the page as well; else the course alone, as other tabs take it.
        """
        pairs = list(_flat("", self.course))
        if options:
            pairs += _flat("", self.options)
        return "&".join(
            f"{quote_plus(name, '.')}={quote_plus(value, _PLAIN)}" for name, value in pairs
        )

    def link(self, path: str, **options: Any) -> str:
        """Address of this state at a path, with some options of its own changed."""
        query = self.with_options(**options).query(options=True)
        return f"{path}?{query}" if query else path

    def with_options(self, **options: Any) -> PageState:
        """This state with some options changed; nothing takes one away."""
        kept = {**self.options, **options}
        return replace(self, options={k: v for k, v in kept.items() if v is not None})

    def with_course(self, course: Mapping[str, Any]) -> PageState:
        """This state with another course."""
        return replace(self, course=dict(course))

    def load(self) -> Course:
        """Read the course.

        **Raises:** `InputError` with the field.
        """
        from ketasim.dosing import load_course

        return load_course(dict(self.course))

    def yaml(self) -> str:
        """The course as the text of a YAML file that reads back as equal."""
        import yaml

        class _Dumper(yaml.SafeDumper):
            """Quotes what the reader would take for something else than text."""

        def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
            style = None if _scalar(value) == value and isinstance(_scalar(value), str) else '"'
            return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

        _Dumper.add_representer(str, text)
        plain = _plain(self.course)
        if not plain:
            return ""
        return yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)

    def command(self, verb: str = "simulate", file: str = "course.yaml") -> str:
        """The command that computes the same from the YAML in a file."""
        chosen = [f"--{name}" for name, value in self.options.items() if value is True]
        return " ".join(["ketasim", verb, file, "--out", "out/course", *chosen])

    def python(self, verb: str = "simulate") -> str:
        """The same in Python."""
        chosen = [f", {name}=True" for name, value in self.options.items() if value is True]
        content = pformat(_plain(self.course), sort_dicts=False, width=88)
        return (
            f"from ketasim import {verb}\n\ncourse = {content}\n"
            f"result = {verb}(course{''.join(chosen)})\n"
        )


_PLAIN: Final = "*/:,[]"  # signs that an address can show as they are


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PAIRS
        )
    except UnicodeDecodeError:
        raise InputError("address", "it is not text in UTF-8", "open the page again") from None
    except ValueError:
        raise InputError(
            "address", f"it has more than {_MOST_PAIRS} fields", "give fewer doses"
        ) from None
    return [(name.strip(), value) for name, value in pairs]


def _switched(options: dict[str, Any]) -> dict[str, Any]:
    """Options with those that are on or off in one way; what is neither stays as typed."""
    read: dict[str, Any] = {}
    for name, value in options.items():
        said = str(value).lower() if name in SWITCHES else ""
        if said not in _OFF:
            read[name] = True if said in _ON else value
    return read


def _under(name: str, field: str) -> bool:
    return name == field or name.startswith(field + ".")


def _value(name: str, values: list[str]) -> Any:
    if name in LINES and len(values) == 1:
        lines = [one.strip() for one in values[0].splitlines()]
        found = [_scalar(one, text=True) for one in lines if one]
        if any(_HALF.search(one) for one in found if isinstance(one, str)):
            raise _half(name)
        if name == "patient.medicines":
            found = [part for one in found for part in _medicines(one)]
        return found if len(found) > 1 else found[0]
    text = any(_under(name, one) for one in TEXTS)
    read = [_scalar(one.strip(), text=text) for one in values]
    if any(isinstance(one, str) and _HALF.search(one) for one in read):
        raise _half(name)
    return read if len(read) > 1 else read[0]


def _medicines(entry: Any) -> list[Any]:
    """The medicines of a line with commas; the line as it is where each alone says less."""
    if not isinstance(entry, str) or "," not in entry:
        return [entry]
    from ketasim.vocabulary import resolve_medicine

    def said(text: str) -> list[tuple[object, ...]]:
        found = resolve_medicine(text).mentions
        return [(one.names, one.classes, one.presence, one.daily_mg, one.days) for one in found]

    parts = [part.strip() for part in _BETWEEN.split(entry) if part.strip()]
    alone = [said(part) for part in parts]
    whole = said(entry)
    same = all(alone) and whole == [one for found in alone for one in found]
    return parts if same else [entry]


def _half(name: str) -> InputError:
    return InputError(name, "a text holds half a character", "write the whole character")


def _scalar(value: str, *, text: bool = False) -> Any:
    """What a value is: text, or what YAML reads in it; in quotes, text with any sign in it."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            found = json.loads(value)
        except ValueError:
            return value
        return found if isinstance(found, str) else value
    if value == "[]":
        return []
    if value == "{}":
        return {}
    if text or not _SCALAR.fullmatch(value):
        return value
    from ketasim._base import read_yaml

    return read_yaml(value, "address")


def _written(value: Any, *, text: bool) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    bare = value == value.strip() != "" and not _CONTROL.search(value)
    read = _scalar(value, text=text) if bare else None
    return value if isinstance(read, str) and read == value else json.dumps(value)


def _flat(path: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        table = cast("Mapping[str, Any]", value)
        if not table and path:
            yield path, "{}"
        for name, one in table.items():
            yield from _flat(f"{path}.{name}" if path else str(name), one)
    elif isinstance(value, list | tuple):
        entries = cast("list[Any]", value)
        text = any(_under(path, one) for one in TEXTS)
        if not entries:
            yield path, "[]"
        elif len(entries) == 1 or any(isinstance(one, Mapping | list | tuple) for one in entries):
            for place, one in enumerate(entries):
                yield from _flat(f"{path}.{place}", one)
        else:
            yield from ((path, _written(one, text=text)) for one in entries)
    else:
        yield path, _written(value, text=any(_under(path, one) for one in TEXTS))


def _plain(value: Any) -> Any:
    """A mapping with numbers and text of the usual types."""
    if isinstance(value, Mapping):
        table = cast("Mapping[str, Any]", value)
        return {str(key): _plain(one) for key, one in table.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("list[Any]", value)]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    return int(value) if isinstance(value, int) else float(value)


class _Tree:
    """A mapping that grows by dotted names; tables of positions become lists."""

    def __init__(self) -> None:
        self._top: dict[str, Any] = {}

    def put(self, name: str, value: Any) -> None:
        """Set the value of a dotted name."""
        parts = name.split(".")
        if not all(parts) or len(parts) > _DEEPEST:
            raise InputError("address", f"'{name}' is not the name of a field", "take it out")
        table = self._top
        for place, part in enumerate(parts[:-1]):
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict):
                raise _twice(".".join(parts[: place + 1]))
            table = cast("dict[str, Any]", inner)
        if parts[-1] in table:
            raise _twice(name)
        table[parts[-1]] = value

    def content(self) -> dict[str, Any]:
        """Everything that was put."""
        return cast("dict[str, Any]", _listed(self._top, top=True))


def _listed(value: Any, *, top: bool = False) -> Any:
    if not isinstance(value, dict):
        return value
    table = cast("dict[str, Any]", value)
    if table and not top and all(_INDEX.fullmatch(name) for name in table):
        return [_listed(table[name]) for name in sorted(table, key=int)]
    return {name: _listed(one) for name, one in table.items()}


def _twice(name: str) -> InputError:
    return InputError(
        name, "it is given both as a value and with keys of its own", "take one of them out"
    )
