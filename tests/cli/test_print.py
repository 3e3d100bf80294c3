"""`--print` of `ketasim simulate` and `ketasim session`: what is written, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Called = Callable[[list[str]], tuple[int, str, str]]


@pytest.mark.parametrize("command", ["simulate", "session"])
def test_the_page_lies_beside_the_other_files(
    command: str, course: Path, tmp_path: Path, called: Called
) -> None:
    out = tmp_path / "out"
    code, told, _ = called([command, str(course), "--out", str(out), "--print", "--json"])
    assert code == 0
    assert str(out / "print.pdf") in json.loads(told)["files"]
    assert (out / "print.pdf").read_bytes().startswith(b"%PDF-")
    if command == "simulate":
        assert "--print" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["simulate", "session"])
def test_without_the_option_there_is_no_page(
    command: str, course: Path, tmp_path: Path, called: Called
) -> None:
    out = tmp_path / "out"
    assert called([command, str(course), "--out", str(out)])[0] == 0
    assert not (out / "print.pdf").exists()


def test_a_page_needs_a_folder(course: Path, called: Called) -> None:
    code, out, err = called(["session", str(course), "--print"])
    assert code == 2
    assert out == ""
    assert err == (
        "error: --print: there is no folder for the page; name one, such as --out out/mine\n"
    )


@pytest.mark.parametrize("command", ["simulate", "session"])
def test_nothing_is_written_where_the_page_cannot_be(
    command: str, course: Path, tmp_path: Path, called: Called
) -> None:
    out = tmp_path / "out"
    (out / "print.pdf").mkdir(parents=True)
    code, _, err = called([command, str(course), "--out", str(out), "--print"])
    assert code == 2
    assert "--out" in err and "print.pdf" in err
    assert [one.name for one in out.iterdir()] == ["print.pdf"]
