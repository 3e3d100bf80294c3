"""Grades of the rows of the tables, by rule."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from ketasim.evidence.citing.sources import Source, load_sources
from ketasim.evidence.grade import Grade, is_grade
from ketasim.evidence.tables import Fact

Quality = Literal["primary", "second hand", "digitised", "weak"]

_MODEL_TABLES: Final = ("pk/models", "acute/pd_models", "mechanism/computational_models")
_RULE_TABLES: Final = (
    "care/rules",
    "care/care",
    "care/screening",
    "care/session_rules",
    "care/interactions",
    "care/medicine_classes",
    "care/medicines",
    "care/monitoring",
    "care/screening_rules",
    "care/vital_limits",
)
# what these say in other words is graded in the rows that they name
_RESTATED: Final = ("care/harms",)

_MODEL: Final = re.compile(
    r"model-typical|model-based|model-estimated|model prediction|popPK estimate", re.IGNORECASE
)
_CHOSEN: Final = re.compile(r"model choice|\bguess|\bassumed\b", re.IGNORECASE)
_COMPUTED: Final = re.compile(
    r"\bcomputed\b|\bconverted\b|\bcalculated\b|\bderived from\b|reported as \d", re.IGNORECASE
)
_POOLED: Final = re.compile(
    r"meta-?analy|\bsystematic review\b|\bCochrane\b|summary of findings", re.IGNORECASE
)
_WEAK: Final = re.compile(
    r"\bsecondary\b(?! (?:outcome|\(|counts|:|response|remission|analys|infertil))"
    r"|\bnews\b|\bmirror\b|\bvendor\b|as cited|cited by|citing (?:text|label)|\bdigest\b"
    r"|encyclop|\bblog\b|\bweb (?:page|report|summary)\b|provenance",
    re.IGNORECASE,
)
# a posted secondary outcome is a primary record of it, not a secondary source
_OUTCOME: Final = re.compile(r"ClinicalTrials\.gov[^;]*", re.IGNORECASE)
_SECOND_HAND: Final = re.compile(
    r"as transcribed|\btranscription\b|\bvia \w|reproduced", re.IGNORECASE
)
_DIGITISED: Final = re.compile(r"digiti[sz]ed|read off", re.IGNORECASE)
_SPECIES: Final = {
    "dog": re.compile(r"\bdogs?\b", re.IGNORECASE),
    "rat": re.compile(r"\brats?\b", re.IGNORECASE),
    "mouse": re.compile(r"\b(?:mouse|mice)\b", re.IGNORECASE),
    "monkey": re.compile(r"\bmonkeys?\b|\bNHP\b|non-human primate", re.IGNORECASE),
    "rodent": re.compile(r"\brodents?\b", re.IGNORECASE),
    "in vitro": re.compile(
        r"recombinant|oocyte|microsom|in vitro|\bCHO\b|HEK293|homogenate|\[3H\]", re.IGNORECASE
    ),
    "human": re.compile(r"\bhumans?\b|\bpatients?\b|volunteers", re.IGNORECASE),
}
# where a table tells the species; elsewhere the word may stand for a comparison
_SPECIES_COLUMNS: Final = ("species", "species_strain", "assay", "property", "models_what")


@dataclass(frozen=True)
class RowGrade:
    """How the number of a row was obtained.

    **Arguments:**

    - `grade`: one of the five grades, or nothing when the row states a rule or practice instead
      of a quantity.
    - `quality`: `weak` for secondary sources, news, mirrors and vendors; `second hand` for a
      transcription; `digitised` for a number read off a figure; otherwise `primary`.
    - `species`: the species or `in vitro` that the row names; when it names none, `human`, and
      nothing in a mechanism table without a population, where that would be a guess.
    - `reason`: the rule that decided the grade.
    """

    grade: Grade | None
    quality: Quality
    species: tuple[str, ...]
    reason: str


def grade_row(fact: Fact) -> RowGrade:
    """Grade one row by rule.

    In this order: the row's own `grade` column; rules and practice carry none; the tables of
    models, rows marked model-typical or estimated by a model, and software, are `estimated`
    (`assumed` where the software says that it was chosen); rows marked
    computed, converted or calculated, and meta-analyses, are `derived`; the rest is `measured`.
    `measured` means people only when `species` says `human`.
    """
    entry = load_sources().get(fact.source)
    grade, reason = _grade(fact, entry)
    return RowGrade(grade, _quality(fact, entry), _species(fact), reason)


def _grade(fact: Fact, entry: Source | None) -> tuple[Grade | None, str]:
    own = fact.get("grade")
    if is_grade(own):
        return own, "the row's own grade"
    if fact.table in _RULE_TABLES:
        return None, "a published rule or practice, not a quantity"
    if fact.table in _RESTATED:
        return None, "other rows in other words; the grade is theirs"
    where = " | ".join((fact.get("stat"), fact.get("locator"), _note(fact)))
    if entry is not None and entry.kind == "repo":
        # software holds what somebody put there: a choice when it says so, else a model's number
        if _CHOSEN.search(where):
            return "assumed", "chosen by the authors of a model"
        return "estimated", "taken from a model's software"
    if fact.table in _MODEL_TABLES:
        return "estimated", "a published model's parameter or description"
    if fact.get("stat") in ("estimate", "typical") or _MODEL.search(where):
        return "estimated", "predicted or estimated by a published model"
    if _COMPUTED.search(f"{where} | {fact.get('condition')}"):
        return "derived", "computed from what the source prints"
    if entry is not None and _POOLED.search(f"{entry.title} | {fact.get('locator')}"):
        return "derived", "pooled over studies"
    return "measured", "reported by the source"


def _quality(fact: Fact, entry: Source | None) -> Quality:
    where = " | ".join((fact.get("stat"), fact.get("locator"), _note(fact)))
    origin = "" if entry is None else f"{entry.kind} | {entry.venue} | {entry.authors}"
    weak = _WEAK.search(_OUTCOME.sub("", where)) or _WEAK.search(origin)
    if weak or "retracted" in origin or (entry is not None and entry.venue == "web"):
        return "weak"
    if _DIGITISED.search(where):
        return "digitised"
    if _SECOND_HAND.search(where):
        return "second hand"
    if entry is not None and entry.kind == "review" and not _POOLED.search(entry.title):
        # a narrative review repeats what others measured
        return "second hand"
    return "primary"


def _species(fact: Fact) -> tuple[str, ...]:
    columns = _SPECIES_COLUMNS
    if fact.table.startswith("mechanism/"):
        columns = (*columns, "population", "conditions")
    told = " | ".join(fact.get(column) for column in columns)
    found = tuple(name for name, pattern in _SPECIES.items() if pattern.search(told))
    if fact.table.startswith("mechanism/") and not fact.get("population"):
        return found
    return found or ("human",)


def _note(fact: Fact) -> str:
    return fact.get("note") or fact.get("notes")
