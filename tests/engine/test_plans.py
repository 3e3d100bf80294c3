"""Plans: kept on disk, the same whatever is kept; the same patients by many calendars."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.dosing import Dose
from ketasim.engine import Calendar, Patients, Plan, plan, solve, solve_each
from ketasim.engine import remembered as store
from ketasim.engine.grid import grid_of, place_parts
from ketasim.engine.planning import shortened, starting_profile


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of its own, and a process that remembers nothing."""
    monkeypatch.setenv("KETASIM_CACHE_DIR", str(tmp_path))
    store._HERE.clear()
    yield tmp_path / "plans"
    store._HERE.clear()


def _forgotten(chains: ModuleType, patients: Patients, rtol: float = 1e-4) -> Plan:
    store._HERE.clear()
    return plan(chains.REALISTIC, patients, rtol=rtol, engine="numpy")


def _few(chains: ModuleType, milligrams: float = 35.0) -> Patients:
    base = chains.realistic(2)
    doses = tuple(Dose(72.0 * i, "ketamine", "iv", milligrams, "mg", 2 / 3) for i in range(4))
    return Patients(base.values, base.weight, (Calendar(doses, 400.0),))


def test_a_plan_is_the_same_found_or_read(chains: ModuleType, folder: Path) -> None:
    patients = _few(chains)
    first = _forgotten(chains, patients)
    (path,) = folder.glob("*.json")
    read = _forgotten(chains, patients)
    path.unlink()
    again = _forgotten(chains, patients)
    assert first == read == again


def test_another_question_is_another_plan(chains: ModuleType, folder: Path) -> None:
    patients = _few(chains)
    _forgotten(chains, patients)
    _forgotten(chains, _few(chains, 36.0))
    _forgotten(chains, patients, rtol=1e-3)
    moved = {**patients.values, "kG": patients.values["kG"] * 1.01}
    _forgotten(chains, replace(patients, values=moved))
    assert len(list(folder.glob("*.json"))) == 4


@pytest.mark.parametrize("what", ["", "{", "[]", '{"plan": {}, "seal": ""}', "changed", "\0"])
def test_what_is_damaged_is_found_anew(chains: ModuleType, folder: Path, what: str) -> None:
    patients = _few(chains)
    first = _forgotten(chains, patients)
    (path,) = folder.glob("*.json")
    content = json.loads(path.read_text())
    if what == "changed":
        content["plan"]["free"][0] += 1
        what = json.dumps(content)
    path.write_text(what)
    assert _forgotten(chains, patients) == first
    assert json.loads(path.read_text())["plan"]["free"] == list(first.profile.free)


def test_without_a_folder_plans_are_found_each_time(
    chains: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patients = _few(chains)
    first = _forgotten(chains, patients)
    blocked = folder.parent / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("KETASIM_CACHE_DIR", str(blocked))
    assert _forgotten(chains, patients) == first


def test_the_oldest_plans_leave(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_MOST_KEPT", 10)
    for number in range(25):
        store.remember(f"{number:040x}", Plan(starting_profile(1e-4), 1e-4, 0.0, 0))
    left = list(folder.iterdir())
    assert len(left) <= 10
    assert folder / f"{24:040x}.json" in left


def test_a_long_calendar_is_looked_at_in_a_few_sessions() -> None:
    doses = [Dose(72.0 * i, "ketamine", "iv", 30.0 + (i == 5), "mg", 2 / 3) for i in range(12)]
    sprays = [Dose(900.0 + i / 12, "esketamine", "intranasal", 28.0, "mg") for i in range(3)]
    found = shortened(Calendar((*doses, *sprays), 2000.0), 70.0)
    # the first, that before the longest break, and the last; each is followed as long as it was
    times = [dose.time for dose in found.doses]
    assert times == pytest.approx([0.0, 72.0, *(180.0 + i / 12 for i in range(3))], abs=1e-8)
    assert found.horizon == 180.0 + 1100.0
    found = shortened(Calendar(tuple(doses), 2000.0), 70.0)
    assert [dose.time for dose in found.doses] == [0.0, 72.0, 144.0]
    assert [dose.milligrams(70.0) for dose in found.doses] == [30.0, 31.0, 30.0]
    # what comes after the horizon is not given
    assert len(shortened(Calendar(tuple(doses), 200.0), 70.0).doses) == 12


@given(st.lists(st.floats(0.01, 20.0), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_between_steps_polynomials_of_degree_five_are_exact(
    gaps: list[float], random: object
) -> None:
    breaks = [0.0, *np.cumsum(gaps)]
    grid = grid_of(starting_profile(1e-4), breaks, [i % 2 == 0 for i in range(len(gaps))])
    coefficients = np.random.default_rng(random.randint(0, 99)).normal(size=6)  # type: ignore[attr-defined]
    ends = np.append(grid.starts, breaks[-1])
    for outputs in (place_parts(grid, (0.0, 0.3, 0.9, 1.0)),):
        begin = ends[outputs.anchor - 1]

        def value(times: np.ndarray, begin: np.ndarray = begin) -> np.ndarray:
            return np.polynomial.Polynomial(coefficients)(times - begin)

        def slope(times: np.ndarray, begin: np.ndarray = begin) -> np.ndarray:
            return np.polynomial.Polynomial(coefficients).deriv()(times - begin)

        nodes = [ends[outputs.anchor + k] for k in (-1, 0, 1)]
        table = [*(value(at) for at in nodes), *(slope(at) for at in nodes)]
        found = sum(outputs.shape[:, k] * one for k, one in enumerate(table))
        wanted = value(outputs.times)
        size = np.max([np.abs(outputs.shape[:, k] * one) for k, one in enumerate(table)], axis=0)
        assert (np.abs(found - wanted) <= 1e-9 * (1.0 + size)).all()


def test_everybody_by_every_calendar_is_as_copies_of_everybody(chains: ModuleType) -> None:
    base = chains.realistic(5)
    calendars = tuple(
        Calendar(
            (Dose(0.0, drug, route, 40.0, "mg"), Dose(30.0, "ketamine", "im", size, "mg")), end
        )
        for drug, route, size, end in (
            ("ketamine", "oral", 30.0, 100.0),
            ("esketamine", "iv", 10.0, 200.0),
            ("ketamine", "oral", 60.0, 100.0),
        )
    )
    patients = Patients(base.values, base.weight, calendars)
    times = [1.0, 50.0, 150.0]
    chosen = plan(chains.REALISTIC, patients, each=True, engine="numpy")
    found = solve_each(chains.REALISTIC, patients, times, "M", plan=chosen, engine="numpy")
    assert found.shape == (3, 5, 3, 1)
    copies = replace(
        patients.take(np.tile(np.arange(5), 3)), calendar_of=np.repeat(np.arange(3), 5)
    )
    wanted = solve(chains.REALISTIC, copies, times, "M", plan=chosen, engine="numpy").values
    np.testing.assert_allclose(found.reshape(15, 3, 1), wanted, rtol=1e-12)
    assert np.isnan(found[0, :, 2]).all()
    assert np.isfinite(found[1]).all()
