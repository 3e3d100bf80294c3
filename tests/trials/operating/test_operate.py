"""A trial with a primary contrast: its power, errors and sizes, its drop-out and scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ketasim._base import InputError
from ketasim.dosing import load_trial
from ketasim.reports.trial.looks import shared
from ketasim.trials import run_trial
from ketasim.trials.headline import estimand_words
from ketasim.trials.operating import needed
from ketasim.trials.patients.leaving import constant_hazard, leaves_after_session

CONTRACT = [
    *("analysis", "estimand", "contrast", "scale", "time_h", "n_per_arm", "replicates", "failed"),
    *("estimate", "se", "sd", "power", "type1", "coverage", "mc_se"),
]


def file(**keys: Any) -> dict[str, Any]:
    session = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}
    form: dict[str, Any] = {
        "trial": "t",
        "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}, "background": "none"},
        "arms": [
            {"id": "ket", "n": 40, "days": [0, 3], **session},
            {"id": "mdz", "n": 20, "control": "midazolam", "days": [0, 3]},
        ],
        "assess": [{"scale": "MADRS", "at": ["24 h", "3 d", "7 d"], "metrics": ["change"]}],
        "primary": {"scale": "MADRS", "at": "7 d", "contrast": ["ket", "mdz"]},
        "replicates": 150,
        "seed": 5,
    }
    return {key: value for key, value in (form | keys).items() if value is not None}


@pytest.fixture(scope="module")
def analysed() -> Any:
    keys = {"analysis": ["ancova", "responder"], "power": {"n": [20, 80]}}
    return run_trial(file(**keys, dropout={"share": 0.2, "by": "7 d"}))


def test_the_table_holds_every_analysis_at_every_size(analysed: Any) -> None:
    table = analysed.analysis()
    assert table.columns[: len(CONTRACT)] == CONTRACT
    assert table["analysis"].to_list() == [
        name for name in ("mmrm", "ancova", "responder") for _ in range(3)
    ]
    assert table["n_per_arm"].to_list() == [20, 40, 80] * 3
    assert table["n_total"].to_list() == [30, 60, 120] * 3
    assert (table["failed"] == 0).all()
    for name in ("mmrm", "ancova", "responder"):
        part = table.filter(pl.col("analysis") == name)
        assert part["power"].is_sorted()
        assert part["sd"].is_sorted(descending=True)
        for share in ("type1", "coverage"):
            off = part[share] - (0.05 if share == "type1" else 0.95)
            assert (off.abs() < 4.0 * np.sqrt(0.05 * 0.95 / 150)).all()
    mixed = table.filter(pl.col("analysis") == "mmrm")
    assert (mixed["bias"].abs() < 4.0 * mixed["bias_mc_se"]).all()
    assert mixed["se"].to_numpy() == pytest.approx(mixed["sd"].to_numpy(), rel=0.2)


def test_an_arm_has_the_patients_that_it_enrols_and_all_arms_are_counted() -> None:
    form = file(replicates=20, looks=2)
    form["arms"][0]["n"] = 1
    form["arms"].append({"id": "saline", "n": 5, "control": "saline", "days": [0, 3]})
    form["assess"][0]["arms"] = ["ket", "mdz"]
    early = {"scale": "MADRS", "at": ["24 h"], "metrics": ["change"], "arms": ["saline"]}
    form["assess"].append(early)
    result = run_trial(form)
    row = result.analysis().to_dicts()[0]
    first = result.patients().filter(pl.col("replicate") == 1)
    assert row["n_total"] == len(first.unique(["arm", "id"])) == 1 + 20 + 5
    asked = result.characteristics.question
    assert [(arm.id, *asked.patients(arm)) for arm in asked.arms] == [("ket", 1), ("mdz", 20)]
    assert result.looks()["n_total_then"].to_list() == [26, 26]


@pytest.mark.parametrize("pattern", ["completely_at_random", "lack_of_effect", "adverse_event"])
def test_a_share_of_nothing_lets_nobody_leave(pattern: str) -> None:
    cause = {"share": 0, "by": "7 d", "pattern": pattern, "arms": ["ket", "mdz"]}
    result = run_trial(file(dropout=cause, primary=None, replicates=3))
    flow = result.flow()
    assert flow["begun"].to_list() == flow["completed"].to_list() == [40.0, 20.0]
    assert any("nobody in ket, mdz leaves" in line for line in result.taken)


def test_the_headline_opens_with_the_primary_contrast(analysed: Any) -> None:
    rows = analysed.headline().rows
    assert rows[0].name.startswith("Primary")
    assert "day 7" in rows[0].name
    told = [row.name for row in rows]
    assert any(name.startswith("Power with 40") for name in told)
    assert any("80 % power" in name for name in told)
    assert any("90 % assurance" in name for name in told)


def test_sizes_are_of_the_same_patients() -> None:
    # without larger sizes the patients are those of the trial as it stands
    plain, asked = run_trial(file(primary=None)), run_trial(file(power={"n": [20]}))
    assert plain.patients().equals(asked.patients())
    assert plain.summary().equals(asked.summary())
    assert plain.analysis().is_empty()


def test_a_drug_without_effect_and_equal_expectation_leaves_no_difference() -> None:
    none = {"drug_effect": 0.0, "expectation": 0.0}
    result = run_trial(file(scenario=none, replicates=60))
    row = result.analysis().to_dicts()[0]
    assert abs(row["truth"]) < 0.5
    assert any("scenario" in line for line in result.warnings)
    usual = run_trial(file(replicates=60)).analysis().to_dicts()[0]
    assert usual["truth"] < row["truth"] - 1.0


def test_patients_who_know_what_they_got_expect_more_apart() -> None:
    known = run_trial(file(scenario={"unblinding": 1.0}, replicates=40))
    usual = run_trial(file(replicates=40))
    assert known.blinding()["guess_drug"].to_list() == [1.0, 0.0]
    assert known.analysis()["truth"][0] < usual.analysis()["truth"][0]


@pytest.mark.parametrize("pattern", ["completely_at_random", "lack_of_effect", "adverse_event"])
def test_the_share_given_has_left_by_the_time_given(pattern: str) -> None:
    dropout = {"share": 0.3, "by": "7 d", "pattern": pattern}
    result = run_trial(file(primary=None, dropout=dropout, replicates=100))
    last = result.patients().filter(pl.col("time_h") == 168.0)
    left = dict(last.group_by("arm").agg(pl.col("dropped").mean()).iter_rows())
    if pattern == "adverse_event":
        assert left["ket"] == pytest.approx(0.3, abs=0.03)
    elif pattern == "completely_at_random":
        assert left["ket"] == pytest.approx(0.3, abs=0.03)
        assert left["mdz"] == pytest.approx(0.3, abs=0.04)
    else:
        assert last["dropped"].mean() == pytest.approx(0.3, abs=0.03)
        assert left["mdz"] > left["ket"]


def test_drop_out_by_adverse_events_comes_after_sessions() -> None:
    (dropout,) = load_trial(file(dropout={"share": 0.5, "by": "7 d"})).dropout
    assert np.exp(-constant_hazard(dropout) * dropout.by) == pytest.approx(0.5)
    due = np.array([0.01, 0.35, 0.6, 5.0])
    left = leaves_after_session(dropout, np.array([0.0, 72.0]), due)
    assert left[:3] == pytest.approx([0.0, 72.0, 72.0])
    assert np.isinf(left[3])


def test_the_files_and_the_report_tell_of_power(analysed: Any) -> None:
    files = analysed.files()
    assert pl.read_csv(files["analysis.csv"]).columns == analysed.analysis().columns
    page = files["report.html"].decode()
    assert 'id="power"' in page
    assert "Assurance is the same share" in page
    # the primary contrast stands first
    assert page.index("Primary, ") < page.index('id="design"') < page.index('id="power"')
    assert "analysis.csv" not in run_trial(file(primary=None, replicates=2)).files()


def test_a_design_that_no_analysis_fits_is_refused() -> None:
    arms = [arm | {"n": 2} for arm in file()["arms"]]
    with pytest.raises(InputError) as caught:
        run_trial(file(arms=arms, replicates=3))
    assert str(caught.value).startswith("arms[0].n: with at most 2 patients in 'ket' the analysis")


def test_shares_have_no_digit_that_their_error_hides() -> None:
    row = {"power": 0.0667, "power_mc_se": 0.032, "type1": 0.0512, "type1_mc_se": 0.004}
    assert shared(row, "power") == ("7\u202f%", "± 3.2")
    assert shared(row, "type1") == ("5.12\u202f%", "± 0.4")


def test_the_hypothetical_estimand_says_what_it_takes_rescue_for() -> None:
    rescued = load_trial(file(rescue={"when": "MADRS >= 28", "from": "3 d"}))
    assert "rescue" not in estimand_words(load_trial(file()), "hypothetical")
    assert "scores under rescue as rated" in estimand_words(rescued, "hypothetical")
    assert "scores under rescue as rated" in estimand_words(rescued, "j2r")


def test_the_treatment_policy_has_rescue_missed_sessions_and_leaving() -> None:
    form = file(
        rescue={"when": "MADRS >= 28", "from": "3 d"},
        adherence=0.7,
        estimands=["treatment_policy", "hypothetical"],
        replicates=20,
    )
    results = [run_trial(form | {"dropout": {"share": s, "by": "3 d"}}) for s in (0.0, 0.5)]
    stayed, left = (one.analysis().to_dicts() for one in results)
    assert stayed[0]["estimate"] == stayed[1]["estimate"]
    assert stayed[0]["truth"] == stayed[1]["truth"] == left[1]["truth"]
    # what is lost on leaving, of the same patients
    assert left[1]["truth"] < left[0]["truth"] < 0.0
    told = "scores as they are whatever happened, after rescue, missed sessions and leaving"
    assert told in results[1].files()["report.html"].decode()
    assert any("none begins after" in line for line in results[1].taken)


def test_the_shipped_example_has_a_primary_contrast_and_sizes() -> None:
    trial = load_trial("ketamine_midazolam_power")
    assert trial.primary is not None and trial.power is not None
    result = run_trial(trial, replicates=8)
    assert result.analysis().height == len(trial.analyses) * len(trial.power.n)


RELAPSE = {
    "scale": "MADRS",
    "metrics": ["no_relapse"],
    "from": "24 h",
    "every": "2 d",
    "until": "7 d",
    "relapse": {"score_at_least": 30},
}


def test_every_estimand_has_its_row() -> None:
    form = file(
        analysis=["mmrm", "ancova", "responder", "survival"],
        estimands=["hypothetical", "treatment_policy", "j2r", "cr", "cir", "delta"],
        dropout={"share": 0.3, "by": "7 d", "pattern": "lack_of_effect"},
        looks={"at": [0.5, 1], "futility": {"z": 0.5}},
        replicates=120,
    )
    result = run_trial(form | {"assess": [*form["assess"], RELAPSE]})
    table = result.analysis()
    rows = {(row["analysis"], row["estimand"]): row for row in table.to_dicts()}
    assert list(rows) == [
        *(("mmrm", one) for one in form["estimands"]),
        ("ancova", "observed_cases"),
        ("ancova", "treatment_policy"),
        ("responder", "composite"),
        ("responder", "treatment_policy"),
        ("survival", "hypothetical"),
        ("survival", "treatment_policy"),
    ]
    for row in rows.values():
        assert row["failed"] == 0 and row["failed_why"] == ""
        assert row["se"] == pytest.approx(row["sd"], rel=0.25)
        assert abs(row["coverage"] - 0.95) < 4.0 * np.sqrt(0.05 * 0.95 / 120)
        if row["estimand"] != "delta":
            assert abs(row["type1"] - 0.05) < 4.0 * np.sqrt(0.05 * 0.95 / 120)
    one = {name: rows["mmrm", name]["estimate"] for name in form["estimands"]}
    # what is lost on leaving is kept in the estimand of those who stayed
    assert one["hypothetical"] < one["treatment_policy"] < 0.0
    assert one["hypothetical"] < one["j2r"] < 0.0
    assert one["hypothetical"] < one["delta"]
    # everybody is rated: nothing is left to be biased by
    assert abs(rows["mmrm", "treatment_policy"]["bias"]) < 0.2
    assert rows["survival", "hypothetical"]["time_h"] == 168.0
    assert result.looks()["n_per_arm_then"].to_list() == [20, 40]
    found = result.characteristics
    looks = found.looks.whole.to_dicts()[0]
    assert looks["patients_type1"] < looks["patients_power"] < 60.0
    assert looks["power"] <= looks["unstopped_power"]
    ended = result.looks()
    assert ended["z_futility"].to_list() == [0.5, None]
    assert ended["futile_type1"][0] == looks["futile_type1"] > looks["futile_power"]
    assert "Futile below" in result.files()["report.html"].decode()
    assert "looks.csv" in result.files()


def test_a_trial_with_looks_opens_with_what_it_does_over_all_of_them() -> None:
    form = file(
        analysis=["ancova", "survival"],
        looks={"at": [0.4, 1], "boundary": "pocock"},
        power={"n": [20, 160], "target": 0.6},
        replicates=40,
    )
    form["primary"] |= {"analysis": "ancova"}
    rare = RELAPSE | {"relapse": {"score_at_least": 43}}
    result = run_trial(form | {"assess": [*form["assess"], rare]})
    found: Any = result.characteristics
    whole = found.looks.whole
    told = [row.name for row in result.headline().rows if row.brief]
    for name in ("Power", "Assurance", "Type-I error"):
        assert sum(row.startswith(f"{name} over all looks") for row in told) == 1
        assert not any(row.startswith(name) and "over all looks" not in row for row in told)
    # the power wanted comes first, and is not pushed out
    sizes = [row for row in told if row.startswith("Patients in ") and " for " in row]
    assert sizes[0].endswith(" for 60 % power over all looks")
    assert len(told) <= 9 and any("60 % assurance" in row for row in sizes)
    first = found.needed("ancova")[0]
    sizes, power, error = (whole[name].to_list() for name in ("n_per_arm", "power", "power_mc_se"))
    assert first == needed(sizes, power, error, 0.6)
    page = result.files()["report.html"].decode()
    names = ("Power over all", "Assurance over all", "for 60 % power")
    places = [*map(page.index, names), page.index('id="power"')]
    assert places == sorted(places)
    # an arm without a relapse leaves a trial without a ratio
    lost = result.analysis().filter(pl.col("analysis") == "survival", pl.col("failed") > 0)
    assert len(lost) and "are of the other trials" in page


def test_a_shift_is_what_the_file_says() -> None:
    keys = {"dropout": {"share": 0.3, "by": "7 d"}, "estimands": ["hypothetical", "delta"]}
    plain, moved = (run_trial(file(delta=delta, replicates=20, **keys)) for delta in (0, 10))
    assert any("10 points higher, as given" in line for line in moved.taken)
    first = plain.analysis()["estimate"].to_list()
    assert first[0] == pytest.approx(first[1], abs=0.3)
    assert moved.analysis()["estimate"][1] == pytest.approx(first[1] + 0.3 * 10, abs=0.7)


def test_nobody_who_stays_is_moved_by_how_leaving_is_treated() -> None:
    keys = {"dropout": {"share": 0.3, "by": "7 d"}, "replicates": 10}
    policy = run_trial(file(estimands=["hypothetical", "treatment_policy"], **keys))
    plain = run_trial(file(**keys))
    assert policy.patients().equals(plain.patients())
    assert policy.analysis()["estimate"][0] == plain.analysis()["estimate"][0]


def test_a_crossover_is_compared_within_patients() -> None:
    form = file(design="crossover", washout="14 d", replicates=150, power={"n": [12]})
    form["arms"] = [arm | {"n": 39} for arm in form["arms"]]
    result = run_trial(form)
    assert any("in 2 orders of 19 or 20 patients" in line for line in result.taken)
    rows = result.analysis().filter(pl.col("n_per_arm") == 12).to_dicts()
    assert rows[0]["n_total"] == 12
    assert abs(rows[0]["type1"] - 0.05) < 4.0 * np.sqrt(0.05 * 0.95 / 150)
    assert abs(rows[0]["bias"]) < 4.0 * rows[0]["bias_mc_se"]
    assert rows[0]["se"] == pytest.approx(rows[0]["sd"], rel=0.2)


def test_a_randomised_withdrawal_is_compared_by_the_time_to_relapse() -> None:
    form = file(replicates=60)
    arm = form["arms"][0] | {"n": 120, "open": True, "days": [0, 3, 7, 10, 14]}
    arm["withdrawal"] = {"after": "14 d", "entry": "response", "to": ["continue", "saline"]}
    arm["withdrawal"]["days"] = [14, 17, 21, 24, 28, 31, 35]
    form["arms"] = [arm]
    relapse = RELAPSE | {"from": "14 d", "every": "7 d", "until": "42 d"}
    form["assess"] = [relapse | {"relapse": {"score_at_least": 22}}]
    contrast = [f"{arm['id']}:continue", f"{arm['id']}:saline"]
    form["primary"] = form["primary"] | {
        "at": "42 d",
        "contrast": contrast,
        "analysis": "survival",
    }
    result = run_trial(form)
    row = result.analysis().to_dicts()[0]
    assert row["estimate"] < 0.0 and row["n_per_arm"] == row["n_total"] == 120
    assert row["power"] > row["type1"]
    assert abs(row["type1"] - 0.05) < 4.0 * np.sqrt(0.05 * 0.95 / 60)
    assert "hazard ratio" in result.headline().rows[0].name
    assert 'id="power"' in result.files()["report.html"].decode()
