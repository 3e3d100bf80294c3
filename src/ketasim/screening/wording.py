"""Words that people read for the codes and the foreign words of the tables of the screen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SUBJECTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "every course": "any course",
        "cns depressant": "CNS depressant",
        "maoi": "MAO inhibitor",
        "ssri": "SSRI",
        "snri": "SNRI",
        "cyp inhibitor": "CYP inhibitor",
        "cyp inducer": "CYP inducer",
        "cyp3a inhibitor": "CYP3A inhibitor",
        "cyp3a inducer": "CYP3A inducer",
        "cyp2b6 inhibitor": "CYP2B6 inhibitor",
        "cyp2b6 inducer": "CYP2B6 inducer",
        "mtor inhibitor": "mTOR inhibitor",
        "z-drug": "Z-drug",
        "japanese ancestry": "Japanese ancestry",
        "diagnosis suicidality": "depression with suicidal thoughts",
        "genotype": "CYP2B6 genotype",
    }
)
"""Subjects of rules and classes of medicines, where their code is not what people say."""

# what a direction does to an effect, where raises and lowers could be read the wrong way round
_EFFECTS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("lowers", "respiration"): "respiratory depression",
        ("lowers", "benefit"): "reduces the benefit",
        ("lowers", "benefit onset"): "smaller benefit on day 1",
        ("lowers", "benefit duration"): "shortens the benefit",
        ("lowers", "effect against suicidal thoughts"): (
            "reduces the effect of ketamine on suicidal thoughts"
        ),
        ("lowers", "distress"): "reduces distress from ketamine",
        ("lowers", "dissociation"): "reduces dissociation",
        ("lowers", "memory impairment"): "reduces memory impairment from ketamine",
        ("lowers", "executive impairment"): "reduces executive impairment from ketamine",
        ("lowers", "brain perfusion"): "reduces the change in brain perfusion from ketamine",
        (
            "lowers",
            "seizure threshold",
        ): "lowers the seizure threshold (seizures more likely)",
        ("lowers", "hypnotic effect of thiopental"): "ketamine reduces its hypnotic effect",
        ("raises", "benefit"): "increases the benefit",
        ("raises", "benefit duration"): "prolongs the benefit",
        ("raises", "sedation"): "deepens sedation",
        ("raises", "duration of the session"): "prolongs the session",
        ("raises", "euphoria"): "increases euphoria",
        ("raises", "benefit of electroconvulsive treatment"): (
            "ketamine instead, for electroconvulsive therapy: faster remission"
        ),
        ("none", "benefit of electroconvulsive treatment"): (
            "with ketamine, for electroconvulsive therapy: no added benefit"
        ),
        ("none", "benefit"): "no effect on the benefit",
        ("none", "benefit onset"): "no effect on the benefit on day 1",
        ("none", "benefit duration"): "no effect on the duration of the benefit",
        ("conflict", "benefit"): "conflicting evidence on the benefit",
        ("none", "safety"): "no harm observed",
        ("none", "dissociation"): "no effect on dissociation",
        ("none", "psychosis"): "no effect on psychotic symptoms from ketamine",
        ("conflict", "psychosis"): "conflicting evidence on psychotic symptoms from ketamine",
    }
)
_DIRECTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "none": "no effect on {}",
        "conflict": "conflicting evidence on {}",
        "unknown": "{}: direction unknown",
    }
)

ENGLISH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "darf nicht angewendet werden": "must not be used",
        "darf nicht angewendet werden: in Kombination mit Ergometrin": (
            "must not be used: in combination with ergometrine"
        ),
        "darf nicht angewendet werden: in Kombination mit Xanthinderivaten": (
            "must not be used: in combination with xanthine derivatives"
        ),
        "darf nur mit besonderer Vorsicht angewendet werden": (
            "may be used only with particular care"
        ),
        "erhöht das Risiko eines Blutdruckabfalls": "increases the risk of a decrease in blood "
        "pressure",
        "kann die sympathomimetischen Wirkungen von Ketamin verstärken": (
            "may enhance the sympathomimetic effects of ketamine"
        ),
        "kann eine arterielle Hypertonie hervorrufen": "may cause arterial hypertension",
        "kann … potenzieren und/oder das Risiko einer Atemdepression erhöhen": (
            "may potentiate … and/or increase the risk of respiratory depression"
        ),
        "verlängert die Wirkung": "prolongs the effect",
    }
)
"""Words of sources in another language, and what they say in English."""

QUANTITIES: Final[Mapping[str, str]] = MappingProxyType(
    {"ketamine": "ketamine", "s_ketamine": "S-ketamine", "r_ketamine": "R-ketamine"}
)
"""What an exposure is of."""


def subject_words(subject: str) -> str:
    """A subject, or several joined by commas, as people say it."""
    return ", ".join(SUBJECTS.get(one, one) for one in subject.split(", "))


def effect_words(direction: str, effect_on: str) -> str:
    """What a direction of an effect means, so that it cannot be read the wrong way round.

    **Arguments:**

    - `direction`: raises, lowers, none, conflict or unknown; empty when there is none.
    - `effect_on`: such as `respiration`.
    """
    if not direction or not effect_on:
        return effect_on
    known = _EFFECTS.get((direction, effect_on))
    if known is not None:
        return known
    words = _DIRECTIONS.get(direction)
    return words.format(effect_on) if words else f"{direction} {effect_on}"


def source_words(text: str) -> str:
    """Words of a source, with their English beside where they are in another language."""
    if text in ENGLISH:
        return f"{text} (in English: {ENGLISH[text]})"
    parts = text.split("; ")
    if len(parts) == 1:
        return text
    return "; ".join(source_words(part) for part in parts)
