"""What a trial file takes to be otherwise than the card has it, in words."""

from __future__ import annotations

from ketasim.dosing import Arm, Trial


def observed(trial: Trial) -> str:
    """How drop-out is treated, in a sentence."""
    pattern = "" if trial.dropout is None else trial.dropout.pattern
    when = {
        "lack_of_effect": "Patients leave the faster the higher their last score",
        "adverse_event": "Patients on the drug leave after sessions, others at a constant hazard",
    }.get(pattern, "Patients leave at a constant hazard")
    return (
        f"{when}; a patient who left has no later visits, and every number is of the patients "
        "still there (observed cases), relapse by Kaplan and Meier."
    )


def leaves_as_card(trial: Trial, arm: Arm) -> bool:
    """Whether patients of an arm leave at the rate of the card `mood`."""
    dropout = trial.dropout
    return dropout is None or (dropout.pattern == "adverse_event" and arm.control is not None)


def scenario_notes(trial: Trial) -> list[str]:
    """Drop-out and scenario of a trial, as sentences."""
    notes: list[str] = []
    dropout, scenario = trial.dropout, trial.scenario
    if dropout is not None:
        share, day = f"{100 * dropout.share:g} %", f"day {dropout.by / 24:g}"
        notes.append(
            {
                "completely_at_random": f"Drop-out as given: {share} of the patients have left by "
                f"{day}, at a constant hazard that is the same in all arms.",
                "lack_of_effect": f"Drop-out as given: {share} of all patients have left by {day}, "
                "the faster the more of the score before treatment was left at their last visit "
                "(in proportion to it, assumed).",
                "adverse_event": f"Drop-out as given: {share} of patients on the drug have left by "
                f"{day}, each session with the same chance (assumed); those on a control leave "
                "at the rate of the card.",
            }[dropout.pattern]
        )
    if scenario is None:
        return notes
    parts: list[str] = []
    if scenario.drug_effect != 1.0:
        parts.append(f"the drug's effect times {scenario.drug_effect:g}")
    if scenario.expectation != 1.0:
        parts.append(f"what patients expect times {scenario.expectation:g}")
    if scenario.unblinding:
        parts.append(f"{100 * scenario.unblinding:g} % of the blinded patients know what they got")
    if parts:
        notes.append(f"A scenario, not a forecast: {'; '.join(parts)}.")
    return notes
