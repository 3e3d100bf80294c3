"""Names of medicines: generic names, synonyms, brands and classes, from the curated list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from ketasim.evidence import Fact, facts
from ketasim.vocabulary.terms import NOT_TAKEN, denied, plain, read_terms, replaced, slip_of

MEDICINES: Final = "care/medicines"
"""The curated list of medicines."""

CLASSES: Final = "care/medicine_classes"
"""Their classes."""

# what may stand beside a name without naming a medicine: doses, times, salts, forms, small words
_BESIDE_TEXT: Final = """
a about acetate acid after agent alternate an and any approximately as at bd bedtime before bid
breakfast bromide buccal by cap caps capsule capsules carbonate chronic citrate class continued
cr current currently daily day days depot dinner dose dosed doses dr drop drops drug drugs each
er evening every extended extract food for forte four from g h hcl her high his hour hourly
hours hr hrs hs hydrochloride if im in infusion inhaled inhaler injection injections
intramuscular intranasal intravenous ir iu iv juice ketamine-free la long low lp lunch maleate
max maximum mcg meal meals medication medicine medicines mg microgram micrograms milk min
minutes ml modified month monthly months morning mornings mouth mr my nasal needed new night
nightly nights noon od of on once only or oral orally other patch patches per phosphate pill
pills plus po potassium prn puff puffs qd qds qhs qid recently release required salt salts sc
session sessions short since sl slow small sodium some spray sprays sr st stable start started
strength subcutaneous sublingual succinate sulfate sulphate supper supplement tab tablet tablets
tabs taken takes taking tartrate tds term the their therapy three thrice tid time times to
topical transdermal treatment twice ug unit units up usual water week weekly weeks when with x
xl xr
"""
_BESIDE: Final = frozenset(_BESIDE_TEXT.split())
_NONE: Final = frozenset(("none", "nil", "no", "no medicines", "no medication", "nothing"))


@dataclass(frozen=True)
class MedicineMatch:
    """How the name of a medicine was understood.

    **Arguments:**

    - `text`: as written.
    - `status`: `recognised` as one or more medicines, `class` when only a class is named, `not
      taken` when the words deny it, or `unknown`.
    - `names`: generic names; both parts of a combination.
    - `classes`: classes of each, those they are part of included.
    - `rxcui`: RxNorm code of each of `names`; empty where no source confirms one.
    - `by`: what was recognised: `name`, `synonym`, `brand`, `combination` or `class`.
    - `canonical`: the text with each name replaced by the generic one.
    - `unread`: words of the text that were not understood.
    - `hint`: a known name that the text, or its unread words, may be a slip of; of a text that is
      not taken, the word that denies it.
    - `sources`: keys.
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

    @property
    def subjects(self) -> tuple[str, ...]:
        """Medicines and classes that evidence may speak of."""
        return (*self.names, *self.classes)

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


def resolve_medicine(text: str) -> MedicineMatch:
    """Recognise the medicines that a text names.

    Known are generic names, synonyms, brand names, combinations and classes (`an MAOI`), as whole
    words in any case, with a dose or without. A text that denies (`no opioids`, `stopped
    lorazepam`) is not taken as a medicine.

    **Arguments:**

    - `text`: such as `lorazepam 1 mg twice daily` or `fentanyl with naloxone`.

    **Returns:** `MedicineMatch`; an unknown name has the status `unknown`, and a hint when it is
    much like a known one.
    """
    words = plain(text)
    if words in _NONE:
        return MedicineMatch(text, "not taken", canonical=words)
    found = read_terms(words, _terms())
    hits = [_terms()[term] for term, _, _ in found.found]
    word = denied(words, NOT_TAKEN)
    if word:
        return MedicineMatch(text, "not taken", canonical=words, hint=word)
    unread = _unread(found.rest)
    if not hits:
        return MedicineMatch(
            text, "unknown", canonical=words, unread=unread, hint=slip_of(words, _terms())
        )
    names = tuple(dict.fromkeys(name for hit in hits for name in hit.names))
    direct = [one for hit in hits for one in hit.classes]
    rows = [row for hit in hits for row in hit.rows]
    keys = [key for row in rows for key in (row.source, *row.listed("class_source"))]
    generic = {
        term: " with ".join(hit.names or hit.classes)
        for (term, _, _), hit in zip(found.found, hits, strict=True)
    }
    return MedicineMatch(
        text,
        "recognised" if names else "class",
        names,
        _with_parents(direct),
        tuple(_codes().get(name, "") for name in names),
        tuple(dict.fromkeys(hit.by for hit in hits)),
        replaced(words, found.found, generic),
        unread,
        slip_of(" ".join(unread), _terms()),
        tuple(dict.fromkeys(key for key in keys if key)),
    )


def _unread(rest: str) -> tuple[str, ...]:
    """Words of a text, without the known terms, that are neither dose nor time nor form."""
    found = re.findall(r"[^\W\d_][\w'.-]*", re.sub(r"\d+(?:\.\d+)?\s?[a-zµμ%]*", " ", rest))
    return tuple(
        word for word in (w.strip("'.-") for w in found) if len(word) > 1 and word not in _BESIDE
    )


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
    for row in facts(CLASSES):
        name = row.get("class")
        for term in (name, *row.listed("synonyms")):
            terms[term] = _Term("class", (), (name,), (row,))
    rows = {row.get("medicine"): row for row in facts(MEDICINES)}
    for name, row in rows.items():
        parts = row.listed("parts")
        names = parts or (name,)
        classes = [one for part in names for one in rows[part].listed("classes")]
        entry = [(name, "combination" if parts else "name")]
        entry += [(term, "synonym") for term in row.listed("synonyms")]
        entry += [(term.lower(), "brand") for term in row.listed("brands")]
        used = (row, *(rows[part] for part in parts))
        for term, by in entry:
            terms[term] = _Term(by, names, tuple(dict.fromkeys(classes)), used)
    return MappingProxyType(terms)
