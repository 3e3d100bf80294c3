"""Every public name has a type that a checker knows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ketasim

ROOT = Path(__file__).parents[2]
USES = Path(__file__).with_name("public.py")


def test_every_public_name_is_used() -> None:
    used = set(re.findall(r"\bketasim\.(\w+)", USES.read_text(encoding="utf-8")))
    assert used == set(ketasim.__all__)


@pytest.mark.slow
def test_nothing_is_unknown_to_a_type_checker(tmp_path: Path) -> None:
    settings = {
        "include": [USES.name],
        "extraPaths": [str(ROOT / "src")],
        "typeCheckingMode": "strict",
        "reportUnknownMemberType": False,  # as in the project's own settings
        "pythonVersion": "3.11",
    }
    shutil.copy(USES, tmp_path)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "pyright", "--outputjson"),
            *("--pythonpath", sys.executable, "-p", str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(checked.stdout)
    assert told["summary"]["filesAnalyzed"] >= 1
    assert [
        (one["range"]["start"]["line"], one["message"]) for one in told["generalDiagnostics"]
    ] == []
