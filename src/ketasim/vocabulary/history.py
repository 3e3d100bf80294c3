"""Entries of a history: which risk factors they name, and whether the patient has them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Protocol

from ketasim.evidence import facts
from ketasim.vocabulary.context.assertion import assertions, denies_all
from ketasim.vocabulary.context.denial import Assertion
from ketasim.vocabulary.context.qualifier import Qualifier, qualifier
from ketasim.vocabulary.everyday import meant
from ketasim.vocabulary.measured import measured
from ketasim.vocabulary.terms import plain, read_terms, slip_of

WORDS: Final = "care/history_words"
"""Words for what a history may name; a row without a factor has words that name none."""

QUALIFIERS: Final = "care/history_qualifiers"
"""Words beside a factor that make it a more severe one."""

_INFARCTION: Final = "myocardial infarction"
_RECENT_DAYS: Final = 42.0  # days: 6 weeks, of spravato_pil_eu
_LONG: Final = 7  # letters; a slip in a shorter word is too much like another word
_ALIKE: Final = 0.84  # how much of two words agrees when one may be a slip of the other
_HALF_YEAR_DAYS: Final = 183.0  # days: 6 months, of ketamine_hameln_de
_NOTHING: Final = re.compile(
    r"(?:none|nil|no|n/a|na|nothing|nil of note|nil significant|none known|none of note|"
    r"no (?:significant |relevant |other )*(?:past )?(?:medical |psychiatric )*"
    r"(?:history|pmh|problems|conditions|illness(?:es)?|comorbidit(?:y|ies))(?: of note)?|"
    r"nil pmh(?: of note)?|no pmh|fit and well|healthy|previously (?:fit and )?well|unremarkable)"
)


_SPELL: Final = re.compile(r"\bsince\b|\d ?(?:years?|months?|weeks?|days?)\b")
# behind a word that denies a habit: it is denied at some times only
_SOMETIMES: Final = re.compile(
    r"^ (?:before|until|alone|more|in the|when|if|unless|without|with|except|during|"
    r"after|at (?!all))"
)
_HANDLED: Final = ("controlled ", "treated ", "well controlled ")
_BOX: Final = re.compile(r"\[ ?([x\u2713\u2714]?) ?\]|[\u2610-\u2612]")
_SPELLED: Final = (
    ("haem", "hem"), ("ischaem", "ischem"), ("oedem", "edem"), ("tumour", "tumor"),
    ("apnoea", "apnea"), ("oesoph", "esoph"), ("labour", "labor"), ("behaviour", "behavior"),
)  # fmt: skip
_SIGN: Final = re.compile(r" ?\(([-\u2212+])(?:ve)?\)")


class HistoryForm(Protocol):
    """What is needed of an entry that is written as keys (see `ketasim.dosing.HistoryEntry`)."""

    @property
    def name(self) -> str:
        """The disease or habit."""
        ...

    @property
    def status(self) -> str:
        """`present`, `absent`, `family` or `suspected`."""
        ...

    @property
    def since(self) -> str:
        """When it began or was."""
        ...

    @property
    def note(self) -> str:
        """A remark; it changes nothing."""
        ...


@dataclass(frozen=True)
class HistoryFinding:
    """One factor that an entry names.

    **Arguments:**

    - `factor`: what the rules of screening call it. `term`: the words for it.
    - `presence`: `present`, `uncertain` (counts as present), `family` or `absent`.
    - `word`: the words that say so. `past`: they put it in the past.
    - `severity`, `measure`, `time`: as written; `days`: how long ago, days, where it is told.
    """

    factor: str
    term: str
    presence: str
    word: str = ""
    past: bool = False
    severity: str = ""
    measure: str = ""
    time: str = ""
    days: float | None = None

    @property
    def counted(self) -> bool:
        """Whether rules are to take it as there."""
        return self.presence in ("present", "uncertain")


@dataclass(frozen=True)
class HistoryMatch:
    """How one entry of a history was understood.

    **Arguments:**

    - `text`: as written. `findings`: what it names, in order.
    - `status`: `recognised` when something counts as present; `denied`, or `family`, when all that
      is named is; `unknown` when nothing is recognised.
    - `hint`: a known word that the text may be a slip of, or the word that denies it.
    - `unread`: words that were not understood.
    """

    text: str
    status: str
    findings: tuple[HistoryFinding, ...] = ()
    hint: str = ""
    unread: tuple[str, ...] = ()

    @property
    def factors(self) -> tuple[str, ...]:
        """What counts as present, as the rules of screening call it."""
        return tuple(dict.fromkeys(one.factor for one in self.findings if one.counted))

    def to_dict(self) -> dict[str, Any]:
        """Return the match as a plain dictionary."""
        return asdict(self) | {"factors": list(self.factors)}


@cache
def _words() -> Mapping[str, tuple[tuple[str, ...], bool]]:
    """Term to its factors, none of what is another thing, and whether the term denies them."""
    found: dict[str, tuple[tuple[str, ...], bool]] = {}
    for row in facts(WORDS):
        own = tuple(filter(None, (row.get("factor"),)))
        for term in (*own, *row.listed("synonyms")):
            found[term] = ((*found.get(term, ((), False))[0], *own), False)
        for term in row.listed("denials"):
            found[term] = (own, True)
    for term, meant_by in tuple(found.items()):
        for one, other in (*_SPELLED, *((b, a) for a, b in _SPELLED)):
            found.setdefault(term.replace(one, other), meant_by)
    return MappingProxyType(found)


@cache
def _single() -> tuple[str, ...]:
    """Long words that name a factor, for slips of the pen: terms of one word, names of factors."""
    words = {term for term, (factors, _) in _words().items() if factors}
    words |= {word for row in facts(WORDS) for word in row.get("factor").split()}
    return tuple(sorted(word for word in words if len(word) >= _LONG and word.isalpha()))


@cache
def _pieces() -> frozenset[str]:
    """Every word of every term: none of them is a slip of another."""
    return frozenset(word for term in _words() for word in term.split())


@cache
def _stronger() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    return tuple(
        (
            row.get("factor"),
            re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, row.listed('words')))})(?![\w-])"),
            row.get("becomes"),
        )
        for row in facts(QUALIFIERS)
    )


def read_history(entry: str | HistoryForm) -> HistoryMatch:
    """Recognise what an entry of a history names, and whether the patient has it.

    An entry counts as present unless all of it is a denial or speaks of a relative: what was not
    understood is named and takes nothing away.

    **Arguments:**

    - `entry`: such as `history of stroke`, `FH: stroke`, `AAA 4.2 cm, not repaired`; or keys with
      `name` and `status`.

    **Returns:** `HistoryMatch`.

    **Source:** chapman2001, harkema2009.
    """
    if isinstance(entry, str):
        return _read(entry)
    return _stated(entry)


def _read(text: str) -> HistoryMatch:
    # a sign in brackets, as in `stroke (-)`
    written = _SIGN.sub(
        lambda match: " negative" if match[1] in "-\u2212" else " positive", plain(text)
    )
    written = _ticked(written)
    if _NOTHING.fullmatch(written.strip(" .")):
        return HistoryMatch(text, "denied", hint=written)
    known = _words()
    words, slips = _mended(written)
    found, known = _with_numbers(words, meant(words, read_terms(words, known).found), known)
    said, unread = assertions(words, [(start, end) for _, start, end in found], "history")
    findings: list[HistoryFinding] = []
    for place, (term, start, end) in enumerate(found):
        factors, denies = known[term]
        one = Assertion("absent", term) if denies else said[place]
        if denies and _SPELL.search(_beside(words, found, place)):
            one = Assertion("present", term, past=True)  # drug-free for 3 years
        elif denies and _SOMETIMES.search(words[found[place][2] :]):
            one = Assertion("uncertain", term)  # never drinks alone
        if one.presence == "absent" and term.startswith(_HANDLED):
            one = Assertion("present", one.word)  # never controlled hypertension
        if place and _same_again(words, found, place) and known[found[place - 1][0]][0] == factors:
            one = said[place - 1]
        typed = next((slips[word] for word in term.split() if word in slips), "")
        if typed and one.counted:
            one = Assertion("uncertain", f"{typed}, read as {term}", one.past)
        if term[-1].isdigit() and one.counted and factors == ("uncontrolled hypertension",):
            one = Assertion("uncertain", term, one.past)  # a single reading
        beside = _beside(words, found, place)
        for factor in factors:
            findings += _findings(factor, words[start:end], one, beside, alone=len(found) == 1)
    unread = tuple(left for run in unread if (left := _without_measures(run)))
    if not findings:
        word = denies_all(words, "history")
        terms = [term for term, (factors, _) in known.items() if factors]
        hint = word or ("" if found else slip_of(words, terms))
        return HistoryMatch(text, "denied" if word else "unknown", (), hint, unread)
    if any(one.counted for one in findings):
        status = "recognised"
    else:
        status = "family" if all(one.presence == "family" for one in findings) else "denied"
    hint = next((one.word for one in findings if not one.counted), "")
    return HistoryMatch(text, status, tuple(findings), hint, (*unread, *slips.values()))


def _ticked(words: str) -> str:
    """Boxes of a form, before or behind their labels, as words: ticked is yes, empty is none."""
    boxes = list(_BOX.finditer(words))
    if not boxes:
        return words
    ends = [*(box.start() for box in boxes[1:]), len(words)]
    before = not words[: boxes[0].start()].strip()
    parts: list[str] = []
    last = 0
    for box, end in zip(boxes, ends, strict=True):
        label = words[box.end() : end] if before else words[last : box.start()]
        last = box.end()
        ticked = bool(box[1]) or box[0] in "\u2611\u2612"
        parts.append(f"{label.strip()} {'positive' if ticked else 'not ticked'}")
    return "; ".join(parts if before else [*parts, words[last:].strip()]).rstrip("; ")


def _with_numbers(
    words: str,
    found: Sequence[tuple[str, int, int]],
    known: Mapping[str, tuple[tuple[str, ...], bool]],
) -> tuple[Sequence[tuple[str, int, int]], Mapping[str, tuple[tuple[str, ...], bool]]]:
    """The findings with those that a number tells, each known by its words."""
    more: dict[str, tuple[tuple[str, ...], bool]] = {}
    told: list[tuple[str, int, int]] = []
    for factor, start, end in measured(words):
        first = max((stop for _, _, stop in found if start < stop <= end), default=start)
        if any(first < stop and begin < end for _, begin, stop in found):
            continue
        text = words[first:end].strip()
        told.append((text, end - len(text), end))
        more[text] = ((factor,), False)
    return sorted((*found, *told), key=lambda one: one[1]), {**known, **more}


def _mended(words: str) -> tuple[str, dict[str, str]]:
    """The text with slips of the pen in long words mended, and each such word to what is typed.

    A slip is a word that is no known one and much like one with the same first letter. What it
    names counts as uncertain, and the word as typed is listed as not read.
    """
    known = _single()
    near: dict[str, str] = {}
    for word in dict.fromkeys(re.findall(r"[a-z]+", words)):
        if len(word) < _LONG or word.endswith("ly"):
            continue
        if not {word, word.removesuffix("s")}.isdisjoint(_pieces()):
            continue
        alike = _nearest(word, known)
        if alike and alike not in words:
            words = words.replace(word, alike)
            near[alike] = word
    return words, near


def _nearest(word: str, known: Sequence[str]) -> str:
    """The known word that is most like another one and begins with the same letter, if any."""
    for alike in difflib.get_close_matches(word, known, n=1, cutoff=_ALIKE):
        if alike[0] == word[0]:
            return alike
    return ""


def _without_measures(run: str) -> str:
    """Unread words without the amounts and times among them, which are read as such."""
    more = qualifier(run)
    for told in filter(None, (more.measure, more.time, more.severity)):
        run = run.replace(told, " ")
    return " ".join(word for word in run.split() if not re.fullmatch(r"[\d./%-]+\w{0,2}", word))


def _same_again(words: str, found: Sequence[tuple[str, int, int]], place: int) -> bool:
    """Whether a finding alone in brackets says the one before it in other words."""
    between = words[found[place - 1][2] : found[place][1]]
    return between.strip() == "(" and words[found[place][2] :].startswith(")")


def _beside(words: str, found: Sequence[tuple[str, int, int]], place: int) -> str:
    """The words around a finding that no other finding and no full stop parts from it."""
    start = found[place - 1][2] if place else 0
    end = found[place + 1][1] if place + 1 < len(found) else len(words)
    before = re.split(r"[;,(]|\. ", words[start : found[place][1]])[-1]
    after = re.split(r";|\. ", words[found[place][2] : end])[0]
    # a term may hold the word that makes it more severe
    return f"{before} {words[found[place][1] : found[place][2]]} {after}"


def _findings(
    factor: str, term: str, one: Assertion, beside: str, *, alone: bool
) -> list[HistoryFinding]:
    more = qualifier(beside)
    names = [factor]
    if one.counted:
        for base, pattern, stronger in _stronger():
            if base == factor and pattern.search(beside) and not _denied_word(beside, pattern):
                names = stronger.split(";")
    if factor == _INFARCTION:
        names = _dated(more, alone=alone)
    return [
        HistoryFinding(
            name, term, one.presence, one.word, one.past,
            more.severity, more.measure, more.time, more.days,
        )
        for name in names
    ]  # fmt: skip


def _denied_word(beside: str, pattern: re.Pattern[str]) -> bool:
    """Whether what would make a factor more severe is itself denied, as in `not severe`."""
    return bool(re.search(rf"\b(?:not|no|non|never|without|nil) (?:{pattern.pattern})", beside))


def _dated(more: Qualifier, *, alone: bool) -> list[str]:
    """A heart attack by how long ago it was, where the words say so."""
    if more.days is None:
        return [_INFARCTION]
    if more.days <= _RECENT_DAYS:
        return ["recent myocardial infarction"]
    if more.days <= _HALF_YEAR_DAYS:
        # within the last months may be within the last weeks
        within = "myocardial infarction within 6 months"
        return [within] if more.exact else [within, _INFARCTION]
    if more.exact and alone:  # the time may be that of another disease of the entry
        return ["myocardial infarction more than 6 months ago"]
    return [_INFARCTION]


_STATED: Final = {
    "present": "present",
    "absent": "absent",
    "family": "family",
    "suspected": "uncertain",
}


def _stated(entry: HistoryForm) -> HistoryMatch:
    """An entry whose status is a key of its own: it stands over what the name's words say."""
    match = _read(" ".join(filter(None, (entry.name, entry.since))))
    presence = _STATED[entry.status]
    said = f"status: {entry.status}"
    findings = tuple(replace(one, presence=presence, word=said) for one in match.findings)
    if not findings:
        denied = presence in ("absent", "family")
        status = "denied" if denied else "unknown"
        return HistoryMatch(str(entry), status, (), "absent" if denied else match.hint)
    status = {"absent": "denied", "family": "family"}.get(presence, "recognised")
    hint = "" if status == "recognised" else said
    return HistoryMatch(str(entry), status, findings, hint, match.unread)
