"""The public names: the list in the repository, and one page a room in the built site."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from table import table

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "ketasim"
LISTED = "reference/index.md"
_ROOM = re.compile(r"^## `([\w.]+)`$", re.M)
_SENTENCE = re.compile(r".+?[.:](?=\s|$)", re.S)


def rooms(package: Path = PACKAGE) -> list[str]:
    """Return the public rooms, such as `calibration.pk`, by the import contract, lowest first."""
    found = {
        ".".join(path.parent.relative_to(package).parts)
        for path in package.glob("*/**/__init__.py")
        if not path.relative_to(package).parts[0].startswith(("_", "apps"))
        and "__all__" in path.read_text(encoding="utf-8")
    }
    layers = _layers()
    return sorted(found, key=lambda name: (layers.index(name.partition(".")[0]), name))


def _layers() -> list[str]:
    """The rooms of the import contract, lowest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers")
    return [name for layer in reversed(layers) for name in re.findall(r"\w+", layer)]


def public_names() -> str:
    """Return every public name with one sentence, room by room."""
    return "\n\n".join(_listed(module) for module in _modules())


def _modules() -> list[str]:
    return [PACKAGE.name, *(f"{PACKAGE.name}.{name}" for name in rooms())]


@cache
def _package() -> Any:
    return griffe.load(PACKAGE.name, search_paths=[str(PACKAGE.parent)])


def _room(module: str) -> Any:
    return _package()[module.partition(".")[2]] if "." in module else _package()


def _listed(module: str) -> str:
    text = f"## `{module}`\n\n{_sentence(_room(module))}"
    rows = [
        [f"`{name}()`" if found.is_function else f"`{name}`", _sentence(found)]
        for name, found, _ in _found(module)
    ]
    return f"{text}\n\n{table(['name', 'what it is'], rows)}" if rows else text


def _found(module: str) -> Iterator[tuple[str, Any, bool]]:
    """Every public name, what it stands for, and whether its file is called like it."""
    room = _room(module)
    for name in (str(one) for one in room.exports):
        if not name.startswith("_"):
            found = _target(room[name])
            twin = found.is_module
            yield name, _target(found[name]) if twin else found, twin


def _target(found: Any) -> Any:
    return found.final_target if found.is_alias else found


def _sentence(found: Any) -> str:
    """The first sentence of a docstring, on one line."""
    if found.docstring is None:
        raise ValueError(f"{found.path} has no docstring")
    first = " ".join(found.docstring.value.strip().partition("\n\n")[0].split())
    hit = _SENTENCE.match(first)
    return hit[0].rstrip(":") if hit else first


# Hooks of mkdocs


def page(module: str) -> str:
    """Return the site's page of the package or of one room, Markdown."""
    text = f"# {module}\n\n::: {module}\n"
    for _, found, twin in _found(module):
        if twin:  # by its short name the file would be found in its place
            text += f"\n::: {found.path}\n    options: {{show_root_heading: true}}\n"
    return text


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages behind the reference's first one."""
    nav: list[dict[str, Any]] = config.nav or []
    for section in nav:
        if "Reference" in section:
            section["Reference"] += [{_short(module): _address(module)} for module in _modules()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, which stand in no folder."""
    for module in _modules():
        files.append(File.generated(config, _address(module), content=page(module)))
    return files


def _address(module: str) -> str:
    return f"reference/{_short(module)}.md"


def _short(module: str) -> str:
    return module.removeprefix(f"{PACKAGE.name}.")


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Let the headings of the list lead to the pages that only the site has."""
    if page.file.src_uri != LISTED:
        return markdown
    return _ROOM.sub(lambda hit: f"## [`{hit[1]}`]({_short(hit[1])}.md)", markdown)
