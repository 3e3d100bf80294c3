"""Names of medicines: generic names, synonyms, brands and classes, and whether they are taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Final, Protocol

from ketasim.evidence import Fact, facts
from ketasim.vocabulary.context.assertion import assertions, denies_all
from ketasim.vocabulary.context.denial import Assertion
from ketasim.vocabulary.context.qualifier import time_of
from ketasim.vocabulary.daily_dose import daily_mg
from ketasim.vocabulary.terms import plain, read_terms, replaced, slip_of

MEDICINES: Final = "care/medicines"
"""The curated list of medicines."""

CLASSES: Final = "care/medicine_classes"
"""Their classes."""

WASHOUT: Final[Mapping[str, float]] = MappingProxyType({"": 14.0, "fluoxetine": 35.0})
"""Days for which a stopped medicine may still act: two weeks, as for MAO inhibitors before another
antidepressant, and five of fluoxetine (ontario_fluoxetine); that the two weeks hold for every other
medicine is assumed."""

# what may stand beside a name without naming a medicine: doses, times, salts, forms, small words
_BESIDE_TEXT: Final = """
a about acetate acid after agent ago alternate am an and any approximately april as at august b bd
bed bedarf bedtime before bid both breakfast bromide buccal by cap caps capsule capsules carbonate
chronic citrate class continued cr current currently daily day days december depot dinner dose
dosed doses dr drop drops drug drugs each er evening every extended extract february food for forte
four friday from g generic gp h hcl health her high his hour hourly hours hr hrs hs hydrochloride
if im in infusion inhaled inhaler injection injections internet intramuscular intranasal
intravenous ir iu iv january july june juice ketamine-free la last level long low lp lunch mail
maleate mane march max maximum may mcg meal meals medication medicine medicines mg microgram
micrograms milk min minutes ml modified monday month monthly months morning mornings most mouth mr
my nacht nasal needed new night nightly nights nocte noct noon november now oct october od of oil
on once only or oral orally otc other patch patches per phosphate pill pills plus pm po potassium
prn puff puffs q qam qd qds qhs qid qpm quick recently regular regularly release required s salt
salts saturday sc september session sessions shop short since sl slow small sodium some spray
sprays sr st stable start started strength strong subcutaneous sublingual succinate sulfate
sulphate sunday supper supplement tab tablet tablets tabs taken takes taking tartrate tds term the
their then therapy three thrice thursday tid time times to today topical total transdermal
treatment tuesday twice ug unit units up usual usually water wednesday week weekly weeks when with
x xl xr year years yesterday zur
"""
_BESIDE: Final = frozenset(_BESIDE_TEXT.split())
_NONE: Final = frozenset(
    ("none", "nil", "no", "n/a", "nothing", "no medicines", "no medication", "no medications",
     "no meds", "nil meds", "no regular medication", "no regular medications",
     "no regular medicines", "no current medication", "no other medicines",
     "not on any medication", "drug-free", "medication-free", "none regular", "none at present",
     "no drugs", "unmedicated", "no medicine")
)  # fmt: skip
_SESSION_DRUGS: Final = frozenset(("ketamine", "esketamine"))
_WHEN_BEFORE: Final = re.compile(
    r"\b(?:before|after|until|prior to|(?:morning|evening|night|day|days|hours?|h) (?:of|before|"
    r"after)) (?:the |each |every |his |her )?(?:next |first |last )?$"
)
_WHEN_BEHIND: Final = re.compile(
    r"^ (?:sessions?|infusions?|course|treatments?|days?|appointments?|clinic)\b"
)
_WITH_E: Final = re.compile(r"[a-z]{5,}(?:in|on|am|ol|id|il|at)e")
_PRESENCE: Final = {"present": "taken", "absent": "not taken", "family": "not taken"}


class MedicineForm(Protocol):
    """What is needed of an entry that is written as keys (see `ketasim.dosing.MedicineEntry`)."""

    @property
    def name(self) -> str:
        """The medicine."""
        ...

    @property
    def dose(self) -> str:
        """How much and how often, in words."""
        ...

    @property
    def status(self) -> str:
        """`taken`, `stopped` or `never`."""
        ...

    @property
    def since(self) -> str:
        """When it was begun or stopped."""
        ...


@dataclass(frozen=True)
class MedicineMention:
    """One medicine or class that an entry names.

    **Arguments:**

    - `term`: the words for it. `names`: generic names; both of a combination. `classes`: with
      those they are part of.
    - `presence`: `taken`, `uncertain` (counts as taken), `stopped` or `not taken`.
    - `word`: the words that say so.
    - `dose`: what stands behind the name. `daily_mg`: mg a day, where the words tell it.
    - `time`: as written; `days`: how long ago, days, where it is told.
    """

    term: str
    names: tuple[str, ...]
    classes: tuple[str, ...]
    presence: str
    word: str = ""
    dose: str = ""
    daily_mg: float | None = None
    time: str = ""
    days: float | None = None

    @property
    def counted(self) -> bool:
        """Whether it is to be taken as taken."""
        return self.presence in ("taken", "uncertain")

    @property
    def recent(self) -> bool:
        """Whether it was stopped so lately that it may still act; see `WASHOUT`."""
        longest = max(WASHOUT.get(name, WASHOUT[""]) for name in (*self.names, ""))
        return self.presence == "stopped" and self.days is not None and self.days <= longest

    @property
    def subjects(self) -> tuple[str, ...]:
        """The medicines and classes that evidence may speak of."""
        return (*self.names, *self.classes)


@dataclass(frozen=True)
class MedicineMatch:
    """How an entry on medicines was understood.

    **Arguments:**

    - `text`: as written.
    - `status`: `recognised` as one or more medicines that are taken, `class` when only a class is
      named, `stopped` or `not taken` when that is said of all that is named, or `unknown`.
    - `names`: generic names of what counts as taken; both parts of a combination.
    - `classes`: classes of each, those they are part of included.
    - `rxcui`: RxNorm code of each of `names`; empty where no source confirms one.
    - `by`: what was recognised: `name`, `synonym`, `brand`, `combination` or `class`.
    - `canonical`: the text with each name replaced by the generic one.
    - `unread`: words of the text that were not understood.
    - `hint`: a known name that the text, or its unread words, may be a slip of; of a text that is
      not taken, the word that denies it.
    - `sources`: keys.
    - `mentions`: every medicine of the entry, with what is said of it.
    """

    text: str
    status: str
    names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    rxcui: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    canonical: str = ""
    unread: tuple[str, ...] = ()
    hint: str = ""
    sources: tuple[str, ...] = ()
    mentions: tuple[MedicineMention, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """Medicines and classes that evidence may speak of."""
        return (*self.names, *self.classes)

    @property
    def stopped(self) -> tuple[MedicineMention, ...]:
        """What is said to be stopped."""
        return tuple(one for one in self.mentions if one.presence == "stopped")

    def to_dict(self) -> dict[str, Any]:
        """Return the match as a plain dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class _Term:
    """What a term stands for."""

    by: str
    names: tuple[str, ...]
    classes: tuple[str, ...]
    rows: tuple[Fact, ...]


def resolve_medicine(entry: str | MedicineForm) -> MedicineMatch:
    """Recognise the medicines that an entry names, and whether they are taken.

    Known are generic names, synonyms, brand names, combinations and classes (`an MAOI`), as whole
    words in any case, with a dose or without. A medicine counts as taken unless the words clearly
    deny it (`no opioids`) or say that it was stopped.

    **Arguments:**

    - `entry`: such as `lorazepam 1 mg twice daily` or `fentanyl with naloxone`; or keys with
      `name`, `dose` and `status`.

    **Returns:** `MedicineMatch`; an unknown name has the status `unknown`, and a hint when it is
    much like a known one.
    """
    if isinstance(entry, str):
        return _match(entry, plain(entry), None)
    words = plain(" ".join(filter(None, (entry.name, entry.dose))))
    stated = {"taken": "taken", "stopped": "stopped", "never": "not taken"}[entry.status]
    return _match(str(entry), words, (stated, f"status: {entry.status}", plain(entry.since)))


def named_antidepressants(medicines: Sequence[str | MedicineForm]) -> tuple[str, ...]:
    """Those of some medicines that are antidepressants and count as taken.

    **Arguments:**

    - `medicines`: as written; names, brands, or a class such as `an SSRI`.
    """
    found: list[str] = []
    for medicine in medicines:
        mentions = resolve_medicine(medicine).mentions
        if any(one.counted and _is_antidepressant(one) for one in mentions):
            found.append(str(medicine))
    return tuple(found)


def _is_antidepressant(one: MedicineMention) -> bool:
    if "antidepressant" in one.classes:
        return True
    # among the MAO inhibitors those that ATC has among antidepressants, and the class by itself
    against = not one.names or any(_atc().get(name, "").startswith("N06A") for name in one.names)
    return "maoi" in one.classes and against


@cache
def _atc() -> Mapping[str, str]:
    return {row.get("medicine"): row.get("atc") for row in facts(MEDICINES)}


@lru_cache(maxsize=1024)  # screen, plan, mood and exposure ask for the same entries again
def _match(text: str, words: str, stated: tuple[str, str, str] | None) -> MedicineMatch:
    if words.strip(" .") in _NONE:
        return MedicineMatch(text, "not taken", canonical=words)
    found = _without_sessions(words, read_terms(words, _terms()).found)
    hits = [_terms()[term] for term, _, _ in found]
    said, rest = assertions(words, [(start, end) for _, start, end in found], "medicine")
    mentions = tuple(_mention(words, found, n, said[n], stated) for n in range(len(found)))
    unread = _unread(rest)
    if not hits:
        return _without_names(text, words, unread, stated)
    counted = [hit for hit, one in zip(hits, mentions, strict=True) if one.counted]
    names = tuple(dict.fromkeys(name for hit in counted for name in hit.names))
    direct = [one for hit in counted for one in hit.classes]
    rows = [row for hit in hits for row in hit.rows]
    keys = [
        key
        for row in rows
        for key in (row.source, *row.listed("class_source"), *row.listed("brand_source"))
    ]
    generic = {
        term: " with ".join(hit.names or hit.classes)
        for (term, _, _), hit in zip(found, hits, strict=True)
    }
    stopped = any(one.presence == "stopped" for one in mentions)
    status = (
        "recognised" if names else "class" if counted else "stopped" if stopped else "not taken"
    )
    word = next((one.word for one in mentions if not one.counted), "")
    return MedicineMatch(
        text,
        status,
        names,
        _with_parents(direct),
        tuple(_codes().get(name, "") for name in names),
        tuple(dict.fromkeys(hit.by for hit in counted or hits)),
        replaced(words, found, generic),
        unread,
        slip_of(" ".join(unread), _terms()) if counted else word,
        tuple(dict.fromkeys(key for key in keys if key)),
        mentions,
    )


def _without_sessions(
    words: str, found: Sequence[tuple[str, int, int]]
) -> Sequence[tuple[str, int, int]]:
    """Names without those that only tell a time: `omit on the morning of ketamine`."""
    kept = [
        one
        for one in found
        if not (
            set(_terms()[one[0]].names) <= _SESSION_DRUGS
            and _terms()[one[0]].names
            and (_WHEN_BEFORE.search(words[: one[1]]) or _WHEN_BEHIND.search(words[one[2] :]))
        )
    ]
    return kept or found


def _without_names(
    text: str, words: str, unread: tuple[str, ...], stated: tuple[str, str, str] | None
) -> MedicineMatch:
    word = denies_all(words, "medicine") if stated is None else ""
    if stated is not None and stated[0] == "not taken":
        word = stated[1]
    if word:
        return MedicineMatch(text, "not taken", canonical=words, unread=unread, hint=word)
    return MedicineMatch(
        text, "unknown", canonical=words, unread=unread, hint=slip_of(words, _terms())
    )


def _mention(
    words: str,
    found: Sequence[tuple[str, int, int]],
    place: int,
    said: Assertion,
    stated: tuple[str, str, str] | None,
) -> MedicineMention:
    term, _, end = found[place]
    hit = _terms()[term]
    until = found[place + 1][1] if place + 1 < len(found) else len(words)
    behind = re.split(r";|\. ", words[end:until])[0].strip()
    start = found[place - 1][2] if place else 0
    parts = re.split(r"[;,]|\. ", words[start : found[place][1]])
    before = parts[-1] if len(parts) > 1 or not place else ""  # else it belongs to the one before
    time, days, _ = time_of(f"{before} {behind}")
    presence, word = _PRESENCE.get(said.presence, said.presence), said.word
    if stated is not None:
        presence, word = stated[:2]
        time, days, _ = time_of(stated[2]) if stated[2] else (time, days, True)
    counts = presence in ("taken", "uncertain")
    return MedicineMention(
        term,
        hit.names,
        _with_parents(hit.classes),
        presence,
        word,
        behind,
        # of a combination the amount of one part is not told by one number
        daily_mg(f"{before} {behind}") if counts and len(hit.names) < 2 else None,
        time,
        days,
    )


def _unread(rest: Iterable[str]) -> tuple[str, ...]:
    """Runs of unread words without those that are dose, time or form."""
    found: list[str] = []
    for run in rest:
        kept = [
            word
            for word in re.findall(
                r"[^\W\d_][\w'.-]*", re.sub(r"\d+(?:\.\d+)?\s?[a-zµμ%]*", " ", run)
            )
            if len(word) > 1 and word.strip("'.-") not in _BESIDE
        ]
        if kept:
            found.append(" ".join(kept))
    return tuple(found)


@cache
def _codes() -> Mapping[str, str]:
    return {row.get("medicine"): row.get("rxcui") for row in facts(MEDICINES) if row.get("rxcui")}


@cache
def _parents() -> Mapping[str, str]:
    return {row.get("class"): row.get("part_of") for row in facts(CLASSES)}


def _with_parents(classes: Iterable[str]) -> tuple[str, ...]:
    """Classes, and the classes that they are part of."""
    found: dict[str, None] = {}
    for one in classes:
        name = one
        while name:
            found[name] = None
            name = _parents()[name]
    return tuple(found)


@cache
def _terms() -> Mapping[str, _Term]:
    """Every known term; of a class and a medicine of one name the medicine stands."""
    terms: dict[str, _Term] = {}
    of_classes: dict[str, _Term] = {}
    for row in facts(CLASSES):
        name = row.get("class")
        for term in (name, *row.listed("synonyms")):
            of_classes[term] = _Term("class", (), (name,), (row,))
    rows = {row.get("medicine"): row for row in facts(MEDICINES)}
    for name, row in rows.items():
        parts = row.listed("parts")
        names = parts or (name,)
        classes = [one for part in names for one in rows[part].listed("classes")]
        entry = [(name, "combination" if parts else "name")]
        entry += [(term, "synonym") for term in row.listed("synonyms")]
        entry += [(term.lower(), "brand") for term in row.listed("brands")]
        # as German and the Nordic languages write it: sertralin
        entry += [(term[:-1], "synonym") for term, _ in tuple(entry) if _WITH_E.fullmatch(term)]
        used = (row, *(rows[part] for part in parts))
        for term, by in entry:
            terms.setdefault(term, _Term(by, names, tuple(dict.fromkeys(classes)), used))
    return MappingProxyType(of_classes | terms)
