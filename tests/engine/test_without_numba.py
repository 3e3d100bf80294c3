"""Where Numba is installed and cannot be loaded, NumPy computes everything."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
from ketasim import simulate
course = {"population": {"n": 40, "seed": 1}, "horizon": "2 d"}
course["regimen"] = "ketamine 0.5 mg/kg iv over 40 min once"
result = simulate(course, session=False)
print(result.mood is not None, float(result.values["MADRS", "patient"][-1].mean()) < 33.0)
"""


def test_numba_that_cannot_be_loaded_takes_nothing_away(tmp_path: Path) -> None:
    broken = tmp_path / "numba"
    broken.mkdir()
    (broken / "__init__.py").write_text('raise ImportError("needs another NumPy")\n')
    where = os.pathsep.join([str(tmp_path), *(one for one in sys.path if one)])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": where, "KETASIM_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["True", "True"]
    assert done.stderr.count("Numba cannot be loaded (needs another NumPy)") == 1
