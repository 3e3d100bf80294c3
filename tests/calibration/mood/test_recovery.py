"""Parameter recovery: what is simulated, what comes back, and work that is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.calibration.mood import Recovery, recovery_table
from ketasim.calibration.mood.problem import BETWEEN_TRIALS, MoodProblem
from ketasim.calibration.mood.processes import Done, Job, worked
from ketasim.calibration.mood.recovery import (
    Replicate,
    fit_back,
    in_frame_of,
    recovered_numbers,
    simulated_rows,
)
from ketasim.dosing import load_studies
from ketasim.evidence import load_card, load_mood_rows
from ketasim.evidence.mood_training import DAYS, SHARES, SPREADS

TRIALS = ("ASPIRE1", "murrough2013", "ibrahim2012")
CARD, PRIOR = load_card("mood"), load_card("mood_prior")
TAUS = np.array([CARD.values()[s] for s in BETWEEN_TRIALS])
TRUTH = in_frame_of(dict(CARD.values()), PRIOR)


@pytest.fixture(scope="module")
def problem() -> MoodProblem:
    rows = [row for row in load_mood_rows() if row.fitted and row.trial in TRIALS]
    return MoodProblem(PRIOR, load_studies(), rows, 16, 1)


def test_the_card_in_the_frame_of_its_prior_predicts_the_same(problem: MoodProblem) -> None:
    vector = problem.transform(TRUTH)
    card = dict(CARD.values())
    states = problem.world.states(card)
    none = np.zeros((len(problem.trials), 3))
    scores = problem.scores(card, states, none)
    for key, arm in problem.scores(TRUTH, problem.at(vector).states, none).items():
        np.testing.assert_allclose(arm.scores, scores[key].scores, atol=1e-3)


def test_simulated_rows_are_possible_and_vary_as_their_errors_say(problem: MoodProblem) -> None:
    vector = problem.transform(TRUTH)
    rng = np.random.default_rng(1)
    drawn = [simulated_rows(problem, vector, TAUS, rng) for _ in range(40)]
    for rows in drawn:
        assert [row.key for row in rows] == [row.key for row in problem.rows]
        for row in rows:
            assert row.metric not in SHARES or 0.0 <= row.value <= 1.0
            assert row.metric not in (*SPREADS, *DAYS) or row.value > 0.0
    point = problem.at(vector)
    noise = np.diag(problem.sampling(point))
    for i, row in enumerate(problem.rows):
        if row.metric == "change":
            spread = np.std([rows[i].value for rows in drawn])
            assert spread > 0.6 * np.sqrt(noise[i])


def test_fitting_back_leaves_the_problem_as_it_is(problem: MoodProblem) -> None:
    before = (problem.published.copy(), problem.rows, dict(problem.reference))
    one, again = (
        fit_back(problem, TRUTH, TAUS, np.random.default_rng([1, 0]), most_steps=1)
        for _ in range(2)
    )
    np.testing.assert_array_equal(problem.published, before[0])
    assert problem.rows is before[1]
    assert problem.reference == before[2]
    assert one.steps == 1
    assert (one.sd > 0.0).all()
    # of the last digits the order of sums may decide
    np.testing.assert_allclose(one.estimate, again.estimate, rtol=1e-9)
    assert not np.allclose(one.estimate, problem.start)


def replicates(noise: float, shrinkage: float, count: int = 50) -> list[Replicate]:
    """Truths with estimates beside them, by hand."""
    rng = np.random.default_rng(2)
    free = [s for s in PRIOR.extra["prior"] if s not in BETWEEN_TRIALS]
    sd = np.array([float(PRIOR.extra["prior"][s]) for s in free])
    found: list[Replicate] = []
    for _ in range(count):
        truth = rng.standard_normal(len(free)) * sd * 0.3
        estimate = truth + noise * sd * rng.standard_normal(len(free))
        found.append(Replicate(truth, estimate, shrinkage * sd, TAUS, 5))
    return found


def recovery(fits: list[Replicate], *, drawn: bool = True) -> Recovery:
    numbers = recovered_numbers(CARD, PRIOR, fits, drawn=drawn)
    return Recovery(CARD, PRIOR, numbers, len(fits), drawn, 1, 16, 5.0)


def test_what_comes_back_is_told_from_what_does_not() -> None:
    good = recovery(replicates(0.1, 0.1))
    assert good.lost == ()
    for one in good.numbers[: -len(BETWEEN_TRIALS)]:
        assert one.correlation is not None and one.correlation > 0.85
        assert one.coverage is not None and 0.8 < one.coverage <= 1.0
        assert abs(one.bias) < 0.1
    # the prior is as wide as the posterior: not informed, whatever the correlation
    wide = recovery(replicates(0.1, 0.95))
    assert len(wide.lost) == len(good.numbers) - len(BETWEEN_TRIALS)
    assert all("of the prior SD" in one.why for one in wide.lost)
    # estimates that have nothing to do with the truth
    lost = recovery(replicates(30.0, 0.1)).lost
    assert len(lost) > 0.8 * (len(good.numbers) - len(BETWEEN_TRIALS))
    assert all("correlation" in one.why for one in lost)
    # with one truth there is no correlation to judge by
    assert recovery(replicates(30.0, 0.1), drawn=False).lost == ()


def test_between_trial_sds_come_back_without_an_interval() -> None:
    table = recovery_table(recovery(replicates(0.1, 0.1)))
    assert table["symbol"].to_list()[-len(BETWEEN_TRIALS) :] == list(BETWEEN_TRIALS)
    last = table.tail(len(BETWEEN_TRIALS))
    assert last["coverage"].null_count() == last["recovered"].null_count() == len(last)
    np.testing.assert_allclose(last["mean"], TAUS)


# Long work


def doubled(job: Job) -> Done:
    return {"twice": 2 * job["number"]}


@given(st.lists(st.integers(0, 9), unique=True, max_size=6))
def test_results_come_in_the_order_of_the_jobs(numbers: list[int]) -> None:
    jobs = {str(i): {"number": i} for i in numbers}
    found = worked(doubled, jobs, workers=1)
    assert list(found) == list(jobs)
    assert [one["twice"] for one in found.values()] == [2 * i for i in numbers]


def refused(_: Job) -> Done:
    raise AssertionError("it was done before")


def test_what_is_done_is_kept_until_something_changes(tmp_path: Path) -> None:
    kept = tmp_path / "folder" / "kept.jsonl"
    jobs = {"one": {"number": 1}, "two": {"number": 2}}
    first = worked(doubled, jobs, stamp="a", kept=kept, workers=1)
    with kept.open("a") as file:
        file.write('{"stamp": "a", "jo')  # stopped while writing
    told: list[str] = []
    again = worked(refused, jobs, stamp="a", kept=kept, workers=1, progress=told.append)
    assert again == first
    assert told == [f"2 of 2 taken from {kept}"]
    with pytest.raises(AssertionError, match="done before"):
        worked(refused, jobs, stamp="b", kept=kept, workers=1)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_an_interrupt_stops_the_processes_and_keeps_what_is_done(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text(
        textwrap.dedent("""
            import sys, time
            from pathlib import Path
            from ketasim.calibration.mood.processes import worked

            def slow(job):
                time.sleep(0.0 if job["number"] < 2 else 600.0)
                return dict(job)

            if __name__ == "__main__":
                jobs = {str(i): {"number": i} for i in range(4)}
                worked(slow, jobs, kept=Path("kept.jsonl"), workers=2,
                       progress=lambda text: print(text, flush=True))
        """)
    )
    with subprocess.Popen(
        [sys.executable, "jobs.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline(), process.stdout.readline()]
        assert all("done" in line for line in told)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) != 0
    assert len((tmp_path / "kept.jsonl").read_text().splitlines()) == 2
