"""Writes one reference page a public room while the documentation is built."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PACKAGE = Path(__file__).parents[1] / "src" / "ketasim"


def rooms(package: Path = PACKAGE) -> list[str]:
    """Return the names of the rooms of the package that are public, in alphabetical order."""
    return sorted(
        path.parent.name
        for path in package.glob("*/__init__.py")
        if not path.parent.name.startswith("_") and "__all__" in path.read_text(encoding="utf-8")
    )


def shadowed(room: Path) -> list[str]:
    """Return the public names that are also the name of the file that defines them."""
    tree = ast.parse((room / "__init__.py").read_text(encoding="utf-8"))
    names = [
        name
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        for name in ast.literal_eval(node.value)
    ]
    return [name for name in names if (room / f"{name}.py").is_file()]


def page(name: str) -> str:
    """Return the page of the package or of one room, Markdown."""
    if name == PACKAGE.name:
        # The verb shares its name with its file, which would be found in its place.
        verb = "ketasim.simulation.simulate.simulate"
        return f"# ketasim\n\n::: ketasim\n\n::: {verb}\n    options: {{show_root_heading: true}}\n"
    text = f"# ketasim.{name}\n\n::: ketasim.{name}\n"
    for public in shadowed(PACKAGE / name):
        # By its short name the file would be found in its place.
        text += (
            f"\n::: ketasim.{name}.{public}.{public}\n    options: {{show_root_heading: true}}\n"
        )
    return text


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages behind the reference's first one."""
    nav: list[dict[str, Any]] = config.nav or []
    for section in nav:
        if "Reference" in section:
            section["Reference"] += [
                {name: f"reference/{name}.md"} for name in ("ketasim", *rooms())
            ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, which stand in no folder."""
    for name in (PACKAGE.name, *rooms()):
        files.append(File.generated(config, f"reference/{name}.md", content=page(name)))
    return files
