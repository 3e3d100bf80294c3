"""The code of the formats that are not simulated, before the compilers of their languages."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ketasim.interop.export import DRIVEN, export
from ketasim.models import MODELS
from ketasim.models.pk import CompartmentModel

NAMES = (*MODELS, *DRIVEN)


def _compiled(command: list[str], folder: Path, name: str, text: str) -> None:
    program = shutil.which(command[0])
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    (folder / name).write_text(text, encoding="utf-8")
    found = subprocess.run(
        [program, *command[1:], name], cwd=folder, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr[-2000:]


def test_mrgsolve_is_cpp(tmp_path: Path, clashing: CompartmentModel) -> None:
    """Blocks as mrgsolve joins them: what they declare is known to all, and declared once."""
    parts = ["#include <algorithm>\n#include <cmath>\ndouble SOLVERTIME;"]
    for name, model in {**dict(zip(NAMES, NAMES, strict=True)), "own": clashing}.items():
        text = export(model, "mrgsolve")
        blocks = dict(re.findall(r"^\$(\w+)((?:(?!^\$).*\n?)*)", text, re.MULTILINE))
        code = [blocks[one].strip() for one in ("MAIN", "ODE", "TABLE")]
        states = [line.split(" : ")[0] for line in blocks["CMT"].strip().splitlines()[1:]]
        known = [line.split(" : ")[0] for line in blocks["PARAM"].strip().splitlines()[1:]]
        known += [label for line in re.findall("@labels (.*)", text) for label in line.split()]
        known += [f"{front}{one}" for one in states for front in ("", "dxdt_", "F_", "ALAG_")]
        known += [f"{front}{one}" for one in states for front in ("D_", "R_")]
        known += [f"{one}_0" for one in states]
        known += re.findall(r"^double (\w+) =", "\n".join(code), re.MULTILINE)
        bodies = [re.sub(r"^double ", "", one, flags=re.MULTILINE) for one in code]
        parts.append(f"namespace m_{name} {{")
        parts += [blocks.get("GLOBAL", ""), f"double {', '.join(known)};"]
        parts += [f"void f{i}() {{\n{body}\n}}" for i, body in enumerate(bodies)]
        parts.append("}")
    _compiled(["g++", "-std=c++17", "-fsyntax-only"], tmp_path, "m.cpp", "\n".join(parts))


def test_nonmem_is_fortran_but_for_its_comments(tmp_path: Path) -> None:
    parts: list[str] = []
    for name in NAMES:
        text = export(name, "nonmem")
        code = re.sub(r";.*", "", text)
        records = dict(re.findall(r"^\$(\w+)([^$]*)", code, re.MULTILINE))
        columns = ", &\n".join(records["INPUT"].split())
        body = records["PK"] + records["DES"] + records["ERROR"]
        parts.append(
            f"subroutine m_{name}(THETA, ETA, EPS, A, A_0, DADT, T, {columns})\n"
            "implicit double precision (a-z)\n"
            "double precision :: THETA(*), ETA(*), EPS(*), A(*), A_0(*), DADT(*)\n"
            f"{body}\nend subroutine\n"
        )
    parts.append("double precision function PHI(z)\ndouble precision :: z\nPHI = z\nend function\n")
    flags = ["-ffree-form", "-ffree-line-length-160", "-fsyntax-only"]
    _compiled(["gfortran", *flags], tmp_path, "m.f90", "\n".join(parts))


def test_rxode2_is_r(tmp_path: Path) -> None:
    text = "\n".join(export(name, "rxode2") for name in NAMES)
    told = "invisible(parse(commandArgs(TRUE)))"
    _compiled(["Rscript", "--vanilla", "-e", told], tmp_path, "m.R", text)
