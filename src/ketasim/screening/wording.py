"""Words that people read for the codes and the foreign words of the tables of the screen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SUBJECTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "every course": "any course",
        "cns depressant": "medicine that depresses the central nervous system",
        "maoi": "MAO inhibitor",
        "ssri": "SSRI",
        "snri": "SNRI",
        "cyp inhibitor": "inhibitor of CYP enzymes",
        "cyp inducer": "inducer of CYP enzymes",
        "cyp3a inhibitor": "inhibitor of CYP3A",
        "cyp3a inducer": "inducer of CYP3A",
        "cyp2b6 inhibitor": "inhibitor of CYP2B6",
        "cyp2b6 inducer": "inducer of CYP2B6",
        "mtor inhibitor": "inhibitor of mTOR",
        "z-drug": "Z-drug",
        "japanese ancestry": "Japanese ancestry",
        "diagnosis suicidality": "depression with suicidal thoughts",
        "genotype": "genotype of CYP2B6",
    }
)
"""Subjects of rules and classes of medicines, where their code is not what people say."""

# what a direction does to an effect, where raises and lowers could be read the wrong way round
_EFFECTS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("lowers", "respiration"): "depresses breathing",
        ("lowers", "benefit"): "lessens the benefit",
        ("lowers", "benefit onset"): "lessens the early benefit",
        ("lowers", "benefit duration"): "shortens the benefit",
        ("lowers", "effect against suicidal thoughts"): (
            "lessens the effect of ketamine against suicidal thoughts"
        ),
        ("lowers", "distress"): "lessens the distress that ketamine brings",
        ("lowers", "dissociation"): "lessens the dissociation that ketamine brings",
        ("lowers", "memory impairment"): "lessens the impairment of memory by ketamine",
        ("lowers", "executive impairment"): "lessens the impairment of thinking by ketamine",
        ("lowers", "brain perfusion"): "lessens the change of brain perfusion by ketamine",
        (
            "lowers",
            "seizure threshold",
        ): "lowers the seizure threshold, so that seizures are more likely",
        ("lowers", "hypnotic effect of thiopental"): "ketamine weakens the hypnotic effect of it",
        ("raises", "benefit"): "adds to the benefit",
        ("raises", "benefit duration"): "lengthens the benefit",
        ("raises", "sedation"): "deepens sedation",
        ("raises", "duration of the session"): "lengthens the session",
        ("raises", "euphoria"): "heightens euphoria",
        ("raises", "benefit of electroconvulsive treatment"): (
            "ketamine in its place, for electroconvulsive treatment: faster remission"
        ),
        ("none", "benefit of electroconvulsive treatment"): (
            "ketamine beside it, for electroconvulsive treatment: no added benefit"
        ),
        ("none", "benefit"): "no effect on the benefit",
        ("none", "benefit onset"): "no effect on the early benefit",
        ("none", "benefit duration"): "no effect on how long the benefit lasts",
        ("conflict", "benefit"): "mixed on the benefit",
        ("none", "safety"): "no harm was seen",
        ("none", "dissociation"): "no effect on the dissociation that ketamine brings",
        ("none", "psychosis"): "no effect on the psychotic symptoms that ketamine brings",
        ("conflict", "psychosis"): "mixed on the psychotic symptoms that ketamine brings",
    }
)
_DIRECTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "none": "no effect on {}",
        "conflict": "mixed on {}",
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
        "erhöht das Risiko eines Blutdruckabfalls": "raises the risk of a fall in blood pressure",
        "kann die sympathomimetischen Wirkungen von Ketamin verstärken": (
            "can strengthen the sympathomimetic effects of ketamine"
        ),
        "kann eine arterielle Hypertonie hervorrufen": "can bring arterial hypertension",
        "kann … potenzieren und/oder das Risiko einer Atemdepression erhöhen": (
            "can potentiate … and/or raise the risk of respiratory depression"
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
