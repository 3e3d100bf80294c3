"""Rules on a score, adherence, rescue and causes of drop-out: read, written back, refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import load_trial

ARM: dict[str, Any] = {
    "id": "esk",
    "n": 20,
    "drug": "esketamine",
    "route": "intranasal",
    "dose": "84 mg",
    "days": [0, 3, 7, 10],
}
PBO: dict[str, Any] = {"id": "pbo", "n": 20, "control": "placebo_spray"}
RULE: dict[str, Any] = {"while": "MADRS > 12", "every": "7 d", "else": "14 d"}


def file(rule: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    arm = ARM | ({} if rule is None else {"dosing_rule": rule})
    return {
        "trial": "t",
        "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}},
        "arms": [arm, PBO],
        "assess": [{"scale": "MADRS", "at": ["7 d", "84 d"], "metrics": ["change"]}],
    } | keys


def refused(content: dict[str, Any]) -> str:
    with pytest.raises(InputError) as told:
        load_trial(content)
    text = str(told.value)
    assert "\n" not in text
    return text


def test_a_rule_is_read_and_written_back() -> None:
    trial = load_trial(file(RULE))
    arm = trial.arms[0]
    assert arm.rule_times == tuple(24.0 * day for day in range(17, 84, 7))
    assert load_trial(trial.to_dict()) == trial
    more = load_trial(file(RULE | {"from": "28 d", "until": "56 d", "check": "14 d"}))
    assert more.arms[0].rule_times == tuple(24.0 * day for day in (28, 35, 42, 49))
    assert load_trial(more.to_dict()) == more


@given(
    st.sampled_from(["madrs", "MADRS", "HDRS17", "hamd 17"]),
    st.sampled_from([(">", ">"), ("≥", ">="), ("at least", ">="), ("below", "<"), ("<=", "<=")]),
    st.integers(0, 50),
)
def test_conditions_in_the_words_of_people(scale: str, sign: tuple[str, str], points: int) -> None:
    trial = load_trial(file(RULE | {"while": f"{scale} {sign[0]} {points}"}))
    rule = trial.arms[0].dosing_rule
    assert rule is not None
    assert rule.condition.sign == sign[1]
    assert rule.condition.points == points
    assert rule.condition.scale in ("MADRS", "HDRS17")


@pytest.mark.parametrize(
    ("rule", "field", "words"),
    [
        (RULE | {"while": "when ill"}, "arms[0].dosing_rule.while", "'when ill' is no condition"),
        (RULE | {"while": "MADRS > 80"}, "dosing_rule.while", "80 is not a score of MADRS"),
        (RULE | {"while": "FOO > 8"}, "dosing_rule.while", "unknown scale 'FOO'"),
        (RULE | {"every": "1 d"}, "dosing_rule.every", "1 d"),
        (RULE | {"every": 7}, "dosing_rule.every", "7"),
        (RULE | {"else": "10 d"}, "dosing_rule.else", "no whole number of times 'every', 7 d"),
        (RULE | {"else": "7 d"}, "dosing_rule.else", "the score decides nothing"),
        (RULE | {"from": "11 d"}, "dosing_rule.from", "after the last of 'days', day 10"),
        (RULE | {"from": "90 d"}, "dosing_rule.from", "the last visit is on day 84"),
        (RULE | {"until": "14 d"}, "dosing_rule.until", "14 d does not come after"),
        (RULE | {"check": "21 d"}, "dosing_rule.check", "21 d is no whole number of times 14 d"),
        (RULE | {"otherwise": "14 d"}, "dosing_rule.otherwise", "write it as 'else'"),
    ],
)
def test_rules_that_cannot_be_followed(rule: dict[str, Any], field: str, words: str) -> None:
    text = refused(file(rule))
    assert field in text
    assert words in text


def test_a_rule_in_the_wrong_place() -> None:
    assert "write it in the arm" in refused(file(dosing_rule=RULE))
    without = {"id": "none", "n": 5, "control": "none", "dosing_rule": RULE}
    assert "arms[0].dosing_rule: the control 'none'" in refused(file(arms=[without]))
    crossover = {"design": "crossover", "washout": "14 d"}
    assert "arms[0].dosing_rule" in refused(file(RULE, **crossover))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "'0' is no share of sessions"),
        (1.2, "'1.2' is no share"),
        ("often", "unknown pattern 'often'"),
        ("clarivate999", "unknown pattern 'clarivate999'"),
        ("110 %", "'110 %' is no share"),
        (True, "'true' is no share"),
    ],
)
def test_adherence_that_is_none(value: object, words: str) -> None:
    text = refused(file(adherence=value))
    assert text.startswith("adherence: ")
    assert words in text


def test_adherence_and_rescue_are_read_and_written_back() -> None:
    rescue = {"when": "MADRS >= 28", "from": "14 d"}
    for adherence in (0.9, "90 %", "clarivate273"):
        trial = load_trial(file(adherence=adherence, rescue=rescue))
        assert load_trial(trial.to_dict()) == trial
        assert 0.7 < trial.adherence.attend <= 0.9  # type: ignore[union-attr]
    assert trial.adherence.source == "clarivate273"  # type: ignore[union-attr]


def test_rescue_that_cannot_be() -> None:
    rescue = {"when": "MADRS >= 28"}
    new = {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}, "background": "new"}
    assert "the rescue is one" in refused(file(rescue=rescue, population=new))
    assert "PHQ9 is not rated" in refused(file(rescue={"when": "PHQ9 > 12"}))
    assert "is not rated in arms[0] from 100 d" in refused(file(rescue=rescue | {"from": "100 d"}))
    crossover = {"design": "crossover", "washout": "14 d"}
    assert "rescue: is not simulated" in refused(file(rescue=rescue, **crossover))
    assert "rescue.give" in refused(file(rescue=rescue | {"give": "lithium"}))


def test_sessions_too_close_to_be_added_up() -> None:
    daily = [ARM | {"days": [0, 1, 2]}, PBO]
    load_trial(file(arms=daily))
    text = refused(file(arms=daily, adherence=0.9))
    assert text.startswith("arms[0].days: sessions 24 h apart")


def test_causes_of_drop_out() -> None:
    causes = [
        {"share": 0.1, "by": "28 d", "pattern": "adverse_event"},
        {"share": 0.2, "by": "84 d", "pattern": "lack_of_effect", "arms": ["pbo"]},
    ]
    trial = load_trial(file(dropout=causes))
    assert [one.pattern for one in trial.dropout] == ["adverse_event", "lack_of_effect"]
    assert load_trial(trial.to_dict()) == trial
    assert load_trial(file(dropout=causes[0])).dropout == trial.dropout[:1]
    twice = [causes[0], causes[0] | {"arms": ["esk"]}]
    assert "dropout[1].pattern: 'adverse_event' is given twice" in refused(file(dropout=twice))
    unknown = [causes[0] | {"arms": ["foo"]}]
    assert "unknown arm 'foo'" in refused(file(dropout=unknown))
    both = {"design": "crossover", "washout": "14 d"}
    assert "lack" in causes[1]["pattern"]
    assert "by the score" in refused(file(dropout=causes[1] | {"arms": None}, **both))


def test_what_contradicts_itself_is_refused_with_the_words_as_typed() -> None:
    """One line each: the field, what was written, and what to do."""
    assert refused(file(horizon="7 d")).startswith("horizon: '7 d' is before the last visit")
    assert "arms[0].n: 0 patients" in refused(file(arms=[ARM | {"n": 0}, PBO]))
    words = refused(file(arms=[ARM | {"dosing_rule": "weekly while MADRS > 12"}, PBO]))
    assert words.startswith("arms[0].dosing_rule: 'weekly while MADRS > 12' is a rule in words")
    share = refused(file(dropout={"share": "100 %", "by": "7 d"}))
    assert share.startswith("dropout.share: '100 %' is everybody")
    again = {"after": "0 d", "entry": "all", "to": ["saline"]}
    no_phase = {"id": "n", "n": 5, "control": "none", "withdrawal": again}
    assert "there is no open phase" in refused(file(arms=[no_phase]))
    assert "no session of the arm comes before 0 h" in refused(
        file(arms=[ARM | {"withdrawal": again}])
    )
    crossover = {"design": "crossover", "washout": "14 d"}
    one = ARM | {"background": "new"}
    assert "arms[0].background: the arms of a crossover" in refused(
        file(arms=[one, PBO], **crossover)
    )
    oral = {"id": "ad", "n": 20, "control": "antidepressant"}
    assert "in a later period is not simulated" in refused(file(arms=[ARM, oral], **crossover))
