"""LSODA by mrgsolve, where R has it already; nothing here installs it.

Not tried: the machine this was written on has no R. `tolerances.loosest` judges it like any other
peer, and what does not meet the error of W is not to be reported.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from workload import DOSES, INFUSION_HOURS, STATES, TIMES, patients

from peers import ABSOLUTE
from peers.workers import first

Array = NDArray[np.float64]

NAME = "mrgsolve (LSODA, R)"

# States and parameters carry a letter before their names, since mrgsolve keeps some short ones.
_MODEL = """
$PARAM {parameters}
$CMT {states}
$MAIN
y_G_0 = 1; y_D_0 = 1; y_S_0 = p_S0; y_M_0 = p_M0;
$ODE
double x = pow(fabs(y_Ce) / p_IC50, p_gamma), B = x / (1 + x), Ch = y_Ah / p_Vh;
double g2 = (y_G - 1) * (y_G - 1), d = y_D - 1, S4 = y_S * y_S * y_S * y_S;
double s54 = p_s50 * p_s50 * p_s50 * p_s50;
double c = y_Ac / p_Vc, cl = y_Al / p_Vl, cn = y_An / p_Vn;
double one = p_Q1 * (c - y_A1 / p_V1), two = p_Q2 * (c - y_A2 / p_V2);
double deep = p_Qn * (cn - y_Anp / p_Vnp);
dxdt_y_Ad = -p_Ka * y_Ad;
dxdt_y_Al = p_Ka * y_Ad + p_Qh * (c - cl) - p_CLint * cl;
dxdt_y_Ac = -p_Qh * (c - cl) - one - two;
dxdt_y_A1 = one;
dxdt_y_A2 = two;
dxdt_y_An = p_f_NK * p_CLint * cl - p_CLn * cn - deep;
dxdt_y_Anp = deep;
dxdt_y_Ah = p_f_HNK * p_CLn * cn - p_CLh * Ch;
dxdt_y_Ce = p_ke0 * (c - y_Ce);
dxdt_y_G = p_kG * (1 + p_SG * 4 * B * (1 - B) - y_G);
dxdt_y_D = p_kD * (1 + p_SD * g2 / (p_g50 * p_g50 + g2) + p_SH * Ch / (p_EC50H + Ch) - y_D);
dxdt_y_S = p_kS * (1 + p_SS * d / (p_d50 + d) - (1 + p_psi * (1 - y_M)) * y_S);
dxdt_y_A = p_kAin * (y_G - 1) * (1 - y_A) - p_kAout * y_A;
dxdt_y_M = p_kM * (S4 / (s54 + S4) + p_wA * y_A * (1 - y_M) - y_M);
"""

# Reads a line per task: parameters as doubles, where to write, number of patients, tolerances.
_SERVER = """
suppressPackageStartupMessages(library(mrgsolve))
model <- mread("w", project = "{folder}", soloc = "{folder}", quiet = TRUE)
names <- c({names})
lines <- file("stdin", "r")
while (length(line <- readLines(lines, n = 1)) > 0) {{
  task <- strsplit(line, " ")[[1]]
  n <- as.integer(task[3])
  values <- matrix(readBin(task[1], "double", n * length(names)), nrow = n)
  colnames(values) <- names
  doses <- c({doses})
  each <- rep(seq_len(n), each = length(doses))
  rate <- values[each, "rate"]
  data <- data.frame(ID = each, time = rep(doses, n), evid = 1, cmt = 3,
                     amt = rate * {hours}, rate = rate)
  data <- cbind(data, values[each, names != "rate"])
  solved <- mrgsim_d(model, data, end = -1, add = c({times}), obsonly = TRUE, output = "df",
                     rtol = as.numeric(task[4]), atol = as.numeric(task[5]), maxsteps = 100000)
  writeBin(as.double(as.matrix(solved[, c({states})])), task[2])
  cat("done\\n")
  flush(stdout())
}}
"""


@cache
def available() -> str | None:
    """Why mrgsolve cannot run, or None."""
    program = shutil.which("Rscript")
    if program is None:
        return "mrgsolve is not installed: there is no Rscript"
    found = subprocess.run(
        [program, "-e", "cat(requireNamespace('mrgsolve', quietly = TRUE))"],
        capture_output=True,
        text=True,
        check=False,
    )
    return None if found.stdout.endswith("TRUE") else "the R package mrgsolve is not installed"


def prepare(threads: int = 1) -> None:
    """Start R and build the model, once for every thread.

    **Arguments:**

    - `threads`: as in `run`.
    """
    run(patients(threads), threads, threads, 1e-2)


def run(parameters: Mapping[str, Array], n: int, threads: int, tolerance: float) -> Array:
    """Solve workload W.

    **Arguments:**

    - `parameters`: as `workload.patients` gives them, for n patients or more.
    - `n`: number of patients.
    - `threads`: number of R processes.
    - `tolerance`: relative tolerance.

    **Returns:** all states at `workload.TIMES`: (n, 407, 14).

    **Raises:** `RuntimeError` where R fails.
    """
    own = first(parameters, n)
    values = np.column_stack([own[name] for name in _names()])
    parts = np.array_split(values, threads)
    with ThreadPoolExecutor(threads) as pool:
        solved = pool.map(lambda i: _server(i).solve(parts[i], tolerance), range(threads))
        return np.concatenate(list(solved))


def _names() -> list[str]:
    """The parameters handed to R."""
    return [name for name in patients(1) if name != "WT"]


@cache
def _server(number: int) -> _Server:
    """The R process of a thread."""
    del number
    return _Server()


class _Server:
    """An R process that holds the model built."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        model = [f"p_{name} = 1" for name in _names() if name != "rate"]
        states = [f"y_{name}" for name in STATES]
        (folder / "w.cpp").write_text(
            _MODEL.format(parameters=", ".join(model), states=" ".join(states)), encoding="utf-8"
        )
        script = _SERVER.format(
            folder=folder,
            names=_listed("rate" if name == "rate" else f"p_{name}" for name in _names()),
            doses=", ".join(map(repr, DOSES.tolist())),
            times=", ".join(map(repr, TIMES.tolist())),
            hours=INFUSION_HOURS,
            states=_listed(states),
        )
        (folder / "serve.R").write_text(script, encoding="utf-8")
        self._process = subprocess.Popen(
            ["Rscript", str(folder / "serve.R")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def solve(self, values: Array, tolerance: float) -> Array:
        """Hand patients over and wait for their states: (n, 407, 14)."""
        source, target = (Path(self._folder.name) / name for name in ("in.bin", "out.bin"))
        values.T.tofile(source)  # R reads column by column
        words = (source, target, len(values), tolerance, ABSOLUTE * tolerance)
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line == "done\n":
                flat = np.fromfile(target).reshape(len(STATES), len(values), len(TIMES))
                return np.ascontiguousarray(flat.transpose(1, 2, 0))
        raise RuntimeError(f"R ended with code {self._process.wait()}")


def _listed(names: Iterable[str]) -> str:
    """Names as R writes strings in c()."""
    return ", ".join(f'"{name}"' for name in names)
