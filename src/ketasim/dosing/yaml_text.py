"""YAML as people write it: safe, and without keys that silently win over each other."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from ketasim._base import InputError
from ketasim.dosing.fields import shortened

_EXAMPLES = {
    "course": "regimen: ketamine 0.5 mg/kg im once",
    "trial": "trial: ketamine_saline",
}


class _Loader(yaml.SafeLoader):
    """The safe loader, refusing a mapping that names a key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key: Any = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _refused(f"the key '{shortened(key)}'", "is not a name", key_node)
            if key in seen:
                raise _refused(f"the key '{key}'", "stands twice", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _whole_text(loader: _Loader, node: yaml.ScalarNode) -> str:
    """Text; half a character, as an escape can make it, could not be written again."""
    text: str = yaml.SafeLoader.construct_yaml_str(loader, node)
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise _refused("a text", "holds half a character", node, "write the whole character")
    return text


_Loader.add_constructor("tag:yaml.org,2002:str", _whole_text)


class _Refused(yaml.MarkedYAMLError):
    """A key or text that cannot be used; `note` is the remedy."""


def _refused(
    key: str, problem: str, node: yaml.Node, remedy: str = "write each key once, as a name"
) -> _Refused:
    line = node.start_mark.line + 1
    return _Refused(problem=f"{key} in line {line} {problem}", note=remedy)


def read_mapping(text: str, field: str) -> dict[str, Any]:
    """Read YAML whose top is a mapping.

    **Arguments:**

    - `text`: the YAML.
    - `field`: what to call the whole in an error.

    **Raises:** `InputError` when it is not YAML, is not a mapping, or names a key twice.
    """
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 -- derives from the safe loader
    except yaml.MarkedYAMLError as error:
        raise _explained(error, field) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(field, f"is not YAML ({shortened(error)})", "mend the file") from None
    if not isinstance(content, dict):
        raise InputError(
            field,
            "is empty" if content is None else "is not a mapping of names to values",
            f"write 'name: value' lines, such as '{_EXAMPLES.get(field, _EXAMPLES['course'])}'",
        )
    return content  # pyright: ignore[reportUnknownVariableType]


def _explained(error: yaml.MarkedYAMLError, field: str) -> InputError:
    mark = error.problem_mark
    where = f" in line {mark.line + 1}" if mark is not None else ""
    problem = shortened(error.problem, 80)
    if isinstance(error, _Refused):
        return InputError(field, problem, str(error.note))
    if "alias" in f"{error.context} {problem}":
        return InputError(
            field, f"a value begins with '*'{where}", "put it in quotes, such as '\"*1/*6\"'"
        )
    return InputError(field, f"is not YAML{where} ({problem})", "mend that line")


def read_text(source: str | Path, field: str) -> str:
    """Read a file of YAML.

    **Arguments:**

    - `source`: its path. `field`: what it holds, such as `course`.

    **Raises:** `InputError` when it cannot be read or is not text.
    """
    path = Path(source)
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            field, f"cannot read '{path}' ({reason})", f"name a {field} file that exists"
        ) from None
    except (UnicodeDecodeError, ValueError):
        raise InputError(field, f"'{path}' is not text", "write it as YAML in UTF-8") from None
