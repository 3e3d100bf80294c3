"""YAML as people write it: values by the core schema of YAML 1.2, in bounded work.

In YAML 1.1, which PyYAML reads, `9:00` is 540, `010` is 8, `no` is false and `2026-01-05` a date.
Here only `true` and `false`, `null` and `~`, and decimal numbers are anything but text, and a
number keeps the text it was written as. The parser is PyYAML's, in C where it was built with it;
values are made of its events, so that aliases, tags and depth are bounded.

**Source:** YAML 1.2.2, section 10.3, core schema; hexadecimal and octal numbers, infinity and what
is no number stay text, and are refused where a number is asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from ketasim._base.errors import InputError

_LOADER: Final = getattr(yaml, "CLoader", yaml.Loader)  # of it only the parser is used
_NULL: Final = frozenset(("", "~", "null", "Null", "NULL"))
_FLAGS: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE: Final = re.compile(r"[-+]?[0-9]+")
_NUMBER: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_TAG: Final = "tag:yaml.org,2002:"

# limits against slips and malice; the longest file of 10,000 doses stays below a third of them
_DEEPEST: Final = 32
_HEAVIEST: Final = 8_000_000  # characters, a value counted as 16 more; aliases written out
_VALUE: Final = 16
_DIGITS: Final = 40
_SHOWN: Final = 40

_WHERE: Final = "\0"  # where a message says in which line

# what the parser says, to what is to be said: the problem and the remedy
_SAID: Final = (
    ("alias", "a value begins with '*'{where}", "put it in quotes, such as '\"*1/*6\"'"),
    ("tab character", "a tab is used to indent{where}", "indent with spaces"),
    ("invalid Unicode", "a text holds half a character{where}", "write the whole character"),
    (
        "mapping values are not allowed",
        "a colon stands within a value{where}",
        "put the value in quotes",
    ),
    ("unexpected end of stream", "a quote is opened and not closed{where}", "close it"),
    ("',' or ']'", "a list is not closed, or lacks a comma{where}", "close it with ']'"),
    ("',' or '}'", "braces are not closed, or a comma is missing{where}", "close them with '}'"),
    ("undefined tag handle", "a tag '!'{where} is not read", "put the value in quotes"),
)


class WholeNumber(int):
    """A whole number that shows itself as it was written, such as `071`."""

    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


class DecimalNumber(float):
    """A number that shows itself as it was written, such as `1e3`."""

    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def read_yaml(text: str, field: str) -> Any:
    """Read one YAML document.

    **Arguments:**

    - `text`: the YAML.
    - `field`: what to call the whole in an error.

    **Returns:** mappings with text as keys, lists, text, true and false, nothing, and numbers as
    `WholeNumber` and `DecimalNumber`.

    **Raises:** `InputError` when it is not YAML, names a key twice, is too large or too deep, or
    has a tag.
    """
    try:
        return _Document(text, field).value()
    except yaml.MarkedYAMLError as error:
        raise _explained(text, error, field) from None
    except yaml.reader.ReaderError as error:
        sign = error.character
        shown = f"U+{sign:04X}" if isinstance(sign, int) else ascii(sign)
        raise InputError(field, f"holds the character {shown}", "take it out") from None
    except UnicodeError:
        raise InputError(
            field, "a text holds half a character", "write the whole character"
        ) from None


def _explained(text: str, error: yaml.MarkedYAMLError, field: str) -> InputError:
    mark = error.problem_mark
    line = mark.line if mark is not None else 0
    where = f" in line {line + 1}" if mark is not None else ""
    said = f"{error.context} {error.problem}"
    lines = text.splitlines()
    if "cannot start any token" in said and mark is not None and line < len(lines):
        sign = lines[line][mark.column : mark.column + 1]
        if sign == "\t":
            return InputError(field, f"a tab is used to indent{where}", "indent with spaces")
        return InputError(field, f"a value begins with '{sign}'{where}", "put it in quotes")
    for part, problem, remedy in _SAID:
        if part in said:
            return InputError(field, problem.format(where=where), remedy)
    return InputError(field, f"is not YAML{where} ({_cut(str(error.problem))})", "mend that line")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


class _Document:
    """The values of one document, made of the events of the parser.

    **Arguments:** see `read_yaml`.
    """

    def __init__(self, text: str, field: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._field = field
        self._anchors: dict[str, tuple[Any, int] | None] = {}  # nothing while it is being read
        self._weight = 0

    def value(self) -> Any:
        """The value of the document; nothing of an empty one."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), "", 0)
        next(self._events)
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refused(
                after, "", f"a second document begins{_WHERE}", "write one file for each"
            )
        return value

    def _refused(self, event: Any, path: str, problem: str, remedy: str) -> InputError:
        problem = problem.replace(_WHERE, f" in line {event.start_mark.line + 1}", 1)
        return InputError(path or self._field, problem, remedy)

    def _weigh(self, event: Any, weight: int) -> None:
        self._weight += weight
        if self._weight > _HEAVIEST:
            what = f"is too large{_WHERE}"
            if self._anchors:
                what += " when what its aliases ('*name') repeat is written out"
            raise self._refused(event, "", what, "write less")

    def _value(self, event: Any, path: str, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._repeated(event, path)
        if depth > _DEEPEST:
            raise self._refused(
                event, "", f"lists or mappings are {depth} deep{_WHERE}", "nest them less"
            )
        before = self._weight
        anchor = event.anchor
        if anchor is not None:
            self._anchors[anchor] = None
        self._weigh(event, _VALUE)
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(event, path, depth)
        else:
            value = self._mapping(event, path, depth)
        if anchor is not None:
            self._anchors[anchor] = (value, self._weight - before)
        return value

    def _repeated(self, event: Any, path: str) -> Any:
        name = event.anchor
        if name not in self._anchors:
            raise self._refused(
                event,
                path,
                f"'*{_cut(name)}'{_WHERE} repeats nothing",
                "put it in quotes, as '\"*1\"'",
            )
        found = self._anchors[name]
        if found is None:
            raise self._refused(
                event, path, f"'*{_cut(name)}'{_WHERE} repeats itself", "write the value out"
            )
        value, weight = found
        self._weigh(event, weight)
        return value

    def _check_tag(self, event: Any, path: str, kind: str) -> None:
        if event.tag not in (None, "!", _TAG + kind):
            tag = event.tag.replace(_TAG, "!!")
            raise self._refused(
                event, path, f"the tag '{_cut(tag)}'{_WHERE} is not read", "leave it out"
            )

    def _scalar(self, event: Any, path: str) -> Any:
        text: str = event.value
        self._weigh(event, len(text))
        self._check_tag(event, path, "str")
        if event.tag is not None or not event.implicit[0]:
            return text
        if text in _NULL:
            return None
        if text in _FLAGS:
            return _FLAGS[text]
        if text[0] not in "+-.0123456789" or _NUMBER.fullmatch(text) is None:
            return text
        if len(text) > _DIGITS:
            problem = f"'{_cut(text)}'{_WHERE} is a number of {len(text)} digits"
            raise self._refused(event, path, problem, f"write at most {_DIGITS}")
        number = WholeNumber(text) if _WHOLE.fullmatch(text) else DecimalNumber(text)
        if not math.isfinite(number):
            raise self._refused(event, path, f"'{text}'{_WHERE} is too large a number", "check it")
        number.text = text
        return number

    def _sequence(self, start: Any, path: str, depth: int) -> list[Any]:
        self._check_tag(start, path, "seq")
        values: list[Any] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            values.append(self._value(event, f"{path}[{len(values)}]", depth + 1))
        return values

    def _mapping(self, start: Any, path: str, depth: int) -> dict[str, Any]:
        self._check_tag(start, path, "map")
        values: dict[str, Any] = {}
        merged: list[Any] = []
        before: Any = None
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, path)
            place = f"{path}.{key}" if path else key
            if key in values:
                raise self._refused(
                    event, "", f"the key '{_cut(key)}'{_WHERE} stands twice", "write each key once"
                )
            content = next(self._events)
            value = self._value(content, place, depth + 1)
            if key == "<<" and not event.style:
                merged += value if isinstance(value, list) else [value]
                if not all(isinstance(one, dict) for one in merged):
                    raise self._refused(
                        event, path, f"'<<'{_WHERE} adds what is no mapping", "write the keys out"
                    )
                continue
            if value is None and before is not None:
                self._check_comma(before, event, path, list(values)[-1])
            values[key] = value
            before = content if isinstance(content, yaml.ScalarEvent) else None
        for one in merged:
            values |= {key: value for key, value in one.items() if key not in values}
        return values

    def _key(self, event: Any, path: str) -> str:
        if isinstance(event, yaml.ScalarEvent):
            self._check_tag(event, path, "str")
            self._weigh(event, _VALUE + len(event.value))
            if event.style or event.value not in _NULL:
                return str(event.value)
        raise self._refused(
            event, path, f"a key{_WHERE} is not a name", "write each key once, as a name"
        )

    def _check_comma(self, before: Any, key: Any, path: str, name: str) -> None:
        """Refuse a decimal comma between braces, where it parts two entries."""
        end, begin = before.end_mark, key.start_mark
        if (
            (end.line, end.column + 1) == (begin.line, begin.column)
            and before.value[-1:].isdecimal()
            and key.value[:1].isdecimal()
        ):
            place = f"{path}.{name}" if path else name
            written = f"{before.value},{key.value}"
            problem = f"'{_cut(written)}' is parted by its comma, which parts entries within braces"
            raise InputError(place, problem, "write a decimal point, or put it in quotes")
