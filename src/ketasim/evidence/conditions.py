"""What is known of a condition: doses, sessions, effects, certainty, and what is not known."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Final

from ketasim._base import InputError, near
from ketasim.evidence.citing.sources import source_name
from ketasim.evidence.result_words import arm_in_words, outcome_words, value_words
from ketasim.evidence.studied import (
    DRUGS,
    ROUTES,
    StudiedDoses,
    check_drug,
    check_route,
    doses_of,
)
from ketasim.evidence.tables import Fact, fact, facts

_NAMES: Final = "care/condition_names"
_ROWS: Final = "care/condition_rows"


@dataclass(frozen=True)
class Grading:
    """What one row says of how sure a result is, word for word.

    **Arguments:**

    - `fact`: id of the row.
    - `about`: what the words are about.
    - `words`: as the row has them, such as `very low` or `single small RCT`.
    - `source`: source key.
    """

    fact: str
    about: str
    words: str
    source: str


@dataclass(frozen=True)
class Effect:
    """One published result.

    **Arguments:**

    - `fact`: id of the row.
    - `study`: what was given and to whom, or the trial and its arm or contrast.
    - `outcome`: what was measured, and when.
    - `value`: as in the row, with its unit.
    - `spread`: interval or spread, as in the row.
    - `n`: people, as in the row.
    - `certainty`: the row's own word for it; empty where the table has none.
    - `source`: source key.
    """

    fact: str
    study: str
    outcome: str
    value: str
    spread: str
    n: str
    certainty: str
    source: str


@dataclass(frozen=True)
class Condition:
    """Everything the tables hold on ketamine in one condition.

    **Arguments:**

    - `name`, `title`: word of course files, and its name in full.
    - `synonyms`: other words that find it.
    - `part_of`: the wider condition, empty for none.
    - `parts`: narrower conditions, whose rows are included.
    - `certainty`: one statement in plain words; it says so when no source grades the evidence.
    - `graded_by`: sources that grade it; empty when none does.
    - `gradings`: the rows behind the statement, word for word.
    - `doses`: what was studied, by drug and route.
    - `unstudied`: routes of racemic ketamine without a study of this condition.
    - `effects`: published results.
    - `context`: results about the condition or the model of it, without a comparison of its own.
    - `studies`: ids of the rows of all studies.
    - `not_known`: what the tables do not say.
    - `sources`: keys of everything above.
    """

    name: str
    title: str
    synonyms: tuple[str, ...]
    part_of: str
    parts: tuple[str, ...]
    certainty: str
    graded_by: tuple[str, ...]
    gradings: tuple[Grading, ...]
    doses: tuple[StudiedDoses, ...]
    unstudied: tuple[str, ...]
    effects: tuple[Effect, ...]
    context: tuple[Effect, ...]
    studies: tuple[str, ...]
    not_known: tuple[str, ...]
    sources: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as a plain dictionary."""
        return {
            **vars(self),
            "gradings": [_cited(one) for one in self.gradings],
            "doses": [one.to_dict() for one in self.doses],
            "effects": [_cited(one) for one in self.effects],
            "context": [_cited(one) for one in self.context],
        }


def _cited(one: Grading | Effect) -> dict[str, Any]:
    return {**asdict(one), "source_name": source_name(one.source)}


@cache
def condition_names() -> tuple[str, ...]:
    """Return the names of the conditions, wider ones before their parts."""
    return tuple(row.get("condition") for row in facts(_NAMES))


@cache
def condition(name: str) -> Condition:
    """Return what the tables hold on ketamine in one condition.

    **Arguments:**

    - `name`: such as `ptsd`, `social anxiety` or `complex regional pain syndrome`.

    **Raises:** `InputError` for a word that names no condition of the tables; that nothing stands
    in them is no evidence that there is no effect.
    """
    row = _find(name)
    own = row.get("condition")
    parts = tuple(one.get("condition") for one in facts(_NAMES) if one.get("part_of") == own)
    family = (own, *parts)
    studies = _rows(family, "study")
    doses = doses_of(own, frozenset(studies))
    results = tuple(_effect(fact(one)) for one in (*studies, *_rows(family, "effect")))
    gradings = tuple(_grading(fact(one)) for one in row.listed("certainty_facts"))
    context = tuple(_effect(fact(one)) for one in _rows(family, "context"))
    effects = tuple(one for one in results if one is not None)
    keys = (
        *(one.source for one in gradings),
        *(key for one in doses for key in one.sources),
        *(one.source for one in effects),
        *(one.source for one in context if one is not None),
    )
    studied = {one.route for one in doses if one.drug == DRUGS[0]}
    return Condition(
        name=own,
        title=row.get("title"),
        synonyms=row.listed("synonyms"),
        part_of=row.get("part_of"),
        parts=parts,
        certainty=row.get("certainty"),
        graded_by=row.listed("graded_by"),
        gradings=gradings,
        doses=doses,
        unstudied=tuple(route for route in ROUTES if route not in studied),
        effects=effects,
        context=tuple(one for one in context if one is not None),
        studies=studies,
        not_known=tuple(row.get("not_known").split(" | ")),
        sources=tuple(dict.fromkeys(keys)),
    )


def studied_doses(condition: str, drug: str, route: str) -> StudiedDoses | None:
    """Return the doses and sessions that were studied in a condition.

    **Arguments:**

    - `condition`: name or synonym, such as the diagnosis of a patient.
    - `drug`: ketamine, esketamine or arketamine.
    - `route`: such as `iv`, `intranasal` or `oral_er`.

    **Returns:** lowest and highest dose a unit, sessions and spacing, with the ids of their rows;
    nothing when the tables hold no study of that drug by that route, which does not mean that it
    has no effect. Doses are never converted.

    **Raises:** `InputError` for an unknown condition, drug or route.
    """
    row = _find(condition)
    check_drug(drug)
    check_route(route)
    own = row.get("condition")
    parts = (one.get("condition") for one in facts(_NAMES) if one.get("part_of") == own)
    found = doses_of(own, frozenset(_rows((own, *parts), "study")), drug, route)
    return found[0] if found else None


def _find(name: str) -> Fact:
    known: dict[str, Fact] = {}
    for row in facts(_NAMES):
        for word in (row.get("condition"), row.get("title"), *row.listed("synonyms")):
            known.setdefault(_plain(word), row)
    wanted = _plain(name)
    if wanted in known:
        return known[wanted]
    hit = difflib.get_close_matches(wanted, known, n=1, cutoff=0.7)
    raise InputError(
        "condition",
        f"the tables have no condition '{name}', which is no evidence that ketamine has no effect",
        f"did you mean '{hit[0]}'?" if hit else near("", condition_names()),
    )


def _plain(word: str) -> str:
    return " ".join(word.lower().replace("_", " ").replace("-", " ").split())


@cache
def _rows(names: tuple[str, ...], use: str) -> tuple[str, ...]:
    found = [row for row in facts(_ROWS) if row.get("condition") in names and row.get("use") == use]
    return tuple(dict.fromkeys(row.get("fact") for row in found))


def _grading(row: Fact) -> Grading:
    if row.table == "care/conditions":
        about, words = f"{row.get('condition')}: {row.get('outcome')}", row.get("certainty")
    elif row.table == "care/care":
        about, words = f"{row.get('item')}, {row.get('jurisdiction')}", row.get("value")
    elif row.table == "mood/trials":
        about, words = f"{row.get('population')}, {row.get('n_total')} people", row.get("design")
    else:
        about = f"{arm_in_words(row.get('trial_id'), row.get('arm_id'))}: {outcome_words(row)}"
        words = row.get("locator")
    return Grading(row.id, about, words, row.source)


def _effect(row: Fact) -> Effect | None:
    """A row as a result; rows that describe a trial are none."""
    if row.table == "mood/trials":
        return None
    if row.table == "care/conditions":
        given = [row.get("drug"), row.get("route"), row.get("dose")]
        study = f"{row.get('condition')}: {_words(given)}"
        against = row.get("comparator")
        return Effect(
            fact=row.id,
            study=study + _AGAINST.get(against, f", against {against}"),
            outcome=row.get("outcome"),
            value=_words([row.get("effect"), row.get("unit")]),
            spread=", ".join(one for one in (row.get("spread"), row.get("spread_type")) if one),
            n=row.get("n"),
            certainty=row.get("certainty"),
            source=row.source,
        )
    if row.table == "mood/outcomes":
        low, high = row.get("ci_low"), row.get("ci_high")
        interval = f"{low} to {high}" if low or high else ""
        return Effect(
            fact=row.id,
            study=arm_in_words(row.get("trial_id"), row.get("arm_id")),
            outcome=outcome_words(row),
            value=value_words(row),
            spread=", ".join(one for one in (interval, row.get("spread")) if one),
            n=row.get("n_at_time"),
            certainty="",
            source=row.source,
        )
    told = ("drug", "population", "topic")
    measured = ("effect", "parameter", "measure", "time")
    return Effect(
        fact=row.id,
        study=", ".join(row.get(one) for one in told if row.get(one)),
        outcome=", ".join(row.get(one) for one in measured if row.get(one)),
        value=_words([row.get("value"), row.get("unit")]),
        spread=row.get("spread") or row.get("rse_or_ci"),
        n=row.get("n"),
        certainty="",
        source=row.source,
    )


def _words(parts: list[str]) -> str:
    return " ".join(part for part in parts if part)


# what a cell on the comparator says when there was none
_AGAINST: Final = {"": "", "none": ", no comparator"}
