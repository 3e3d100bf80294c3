"""What a trial file takes to be otherwise than the card has it, in words."""

from __future__ import annotations

from ketasim.dosing import Arm, Trial
from ketasim.evidence import source_name
from ketasim.trials.patients.leaving import adverse_share


def observed(trial: Trial) -> str:
    """How drop-out is treated, in a sentence."""
    patterns = {one.pattern for one in trial.dropout if one.share}
    if len(patterns) > 1:
        when = "Patients leave by the first of several causes"
    elif "lack_of_effect" in patterns:
        when = "Patients leave the faster the higher their last score"
    elif "adverse_event" in patterns:
        when = "Patients on the drug leave after sessions, others at a constant hazard"
    elif not patterns and not any(leaves_as_card(trial, arm) for arm in trial.arms):
        return "Nobody leaves: every number is of all patients, relapse by Kaplan and Meier."
    else:
        when = "Patients leave at a constant hazard"
    return (
        f"{when}; a patient who left has no later visits, and every number is of the patients "
        "still there (observed cases), relapse by Kaplan and Meier."
    )


def leaves_as_card(trial: Trial, arm: Arm) -> bool:
    """Whether patients of an arm leave at the rate of the card `mood`."""
    return not any(one.of(arm) for one in trial.dropout)


def patient_notes(trial: Trial) -> list[str]:
    """Drop-out, missed sessions, rules and rescue of a trial, as sentences."""
    return [*_dropout(trial), *_sessions(trial)]


def scenario_notes(trial: Trial) -> list[str]:
    """What a trial takes to be otherwise than it is known, as sentences."""
    scenario = trial.scenario
    parts: list[str] = []
    if scenario is None:
        return parts
    if scenario.drug_effect != 1.0:
        parts.append(f"the drug's effect times {scenario.drug_effect:g}")
    if scenario.expectation != 1.0:
        parts.append(f"what patients expect times {scenario.expectation:g}")
    if scenario.unblinding:
        parts.append(f"{100 * scenario.unblinding:g} % of the blinded patients know what they got")
    return [f"A scenario, not a forecast: {'; '.join(parts)}."] if parts else []


def _dropout(trial: Trial) -> list[str]:
    notes: list[str] = []
    several = len(trial.dropout) > 1
    for one in trial.dropout:
        given = "on the drug" if one.arms is None else f"in {', '.join(one.arms)}"
        share, day = f"{100 * one.share:g} %", f"day {one.by / 24:g}"
        arms = "" if one.arms is None else f" in {', '.join(one.arms)}"
        who = {
            "completely_at_random": f"{share} of the patients{arms} have left by {day}, at a "
            f"constant hazard that is the same in {'all' if one.arms is None else 'these'} arms",
            "lack_of_effect": f"{share} of all patients{arms} have left by {day}, the faster the "
            "more of the score before treatment was left at their last visit (in proportion to "
            "it, assumed)",
            "adverse_event": f"{share} of patients {given} have left by {day}, each session "
            "with the same chance (assumed)",
        }[one.pattern]
        if not one.share:
            who = f"nobody{arms} leaves ({one.pattern.replace('_', ' ')})"
        alone = ", were there no other cause" if several else ""
        notes.append(f"Drop-out as given: {who}{alone}.")
    if trial.dropout:
        others = [arm for arm in trial.enrolled_arms if leaves_as_card(trial, arm)]
        if others:
            named = ", ".join(arm.id for arm in others)
            notes.append(f"Drop-out in {named} is at the rate of the card.")
    if not all(trial.dropout and not leaves_as_card(trial, arm) for arm in trial.enrolled_arms):
        notes.append(
            "Of those who leave at the rate of the card, "
            f"{100 * adverse_share(True):.0f} % on the drug and {100 * adverse_share(False):.0f} % "
            "on a control are taken to leave for an adverse event, the part it had in pooled "
            f"trials over 28 days ({source_name('frontpsy2026')})."
        )
    return notes


def _sessions(trial: Trial) -> list[str]:
    notes: list[str] = []
    adherence = trial.adherence
    if adherence is not None:
        why = ""
        if adherence.source:
            why = (
                f": {adherence.told} ({source_name(adherence.source)}), and each session after the "
                "first is taken to be missed with the same chance (derived)"
            )
        notes.append(
            f"Patients come to {100 * adherence.attend:.3g} % of the sessions after the first"
            f"{why}. A missed session is not made up for."
        )
    rescue = trial.rescue
    if rescue is not None:
        notes.append(
            f"Rescue: who is rated {rescue.when} at a visit from day {rescue.start / 24:g} on "
            "starts a new oral antidepressant, whose effect is that of the card (fitted); the "
            "patient stays in the trial and goes on with its sessions. Analyses take scores under "
            "rescue as rated."
        )
    rules = {arm.id: rule_words(arm) for arm in trial.enrolled_arms if arm.dosing_rule is not None}
    for name, told in rules.items():
        notes.append(f"Arm {name}: {told}, by the score rated just before.")
    return notes


def rule_words(arm: Arm) -> str:
    """The dosing rule of an arm, in words."""
    rule = arm.dosing_rule
    assert rule is not None
    seldom = "none" if rule.otherwise is None else f"every {rule.otherwise / 24:g} days"
    check = "" if rule.check is None else f", decided every {rule.check / 24:g} days"
    return (
        f"from day {(rule.start or 0.0) / 24:g} on a session every {rule.every / 24:g} days while "
        f"{rule.condition}, else {seldom}{check}"
    )
