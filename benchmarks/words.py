"""How well what people write is read: the corpus of the tests against its labels.

`python benchmarks/words.py [first|second|third|fourth]` prints precision and recall of each
presence, what was missed and what was read into an entry, and for regimens what was right, refused
and wrong.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ketasim.vocabulary import MedicineMention, read_history, resolve_medicine

CORPUS: Final = Path(__file__).parents[1] / "tests" / "vocabulary" / "corpus"
SETS: Final = ("first", "second", "third", "fourth")
COUNTED: Final = ("present", "taken", "uncertain")
# a general factor and its special ones count as the same subject, see the corpus' README
_SPECIAL: Final = {
    "cardiovascular disease": (
        "uncontrolled cardiovascular disease;hypertension;coronary disease;heart failure;stroke;"
        "aneurysm;uncontrolled hypertension;hypertensive encephalopathy;eclampsia"
    ),
    "hypertension": "uncontrolled hypertension;hypertensive encephalopathy;eclampsia",
    "coronary disease": (
        "severe coronary disease;myocardial infarction;recent myocardial infarction;"
        "myocardial infarction within 6 months;myocardial infarction more than 6 months ago"
    ),
    "myocardial infarction": (
        "recent myocardial infarction;myocardial infarction within 6 months;"
        "myocardial infarction more than 6 months ago"
    ),
    "psychosis": "active psychosis",
    "suicidal ideation": "suicidal intent",
    "substance use": (
        "active substance use;positive drug screen;opioid use disorder;ghb use;alcohol;"
        "ketamine bladder"
    ),
    "bladder symptoms": "ketamine bladder",
    "allergy": "ketamine allergy;allergic rhinitis",
    "thyroid disease": "thyrotoxicosis",
    "kidney disease": "dialysis",
    "liver disease": "liver mild;liver moderate;liver severe",
    "heart failure": "uncontrolled cardiovascular disease",
}


@dataclass
class Score:
    """Counts over entries of one kind.

    **Arguments:**

    - `labelled`, `found`: rows of each presence that are labelled so, and that were read so among
      them. `read`, `right`: what was read as each presence, and how much of it a label has.
    - `missed`: entries in which something present was read as neither present nor uncertain;
      `named` are those of them that are at least told to be not read, not known or in doubt.
    - `false`: entries with something read as present that no label has.
    - `other`: other rows that were not read as labelled.
    """

    labelled: Counter[str] = field(default_factory=Counter[str])
    found: Counter[str] = field(default_factory=Counter[str])
    read: Counter[str] = field(default_factory=Counter[str])
    right: Counter[str] = field(default_factory=Counter[str])
    missed: list[str] = field(default_factory=list[str])
    named: list[str] = field(default_factory=list[str])
    false: list[str] = field(default_factory=list[str])
    other: list[str] = field(default_factory=list[str])

    @property
    def false_share(self) -> float:
        """Share of what was read as present or uncertain that no label has."""
        read = sum(self.read[one] for one in COUNTED)
        return len(self.false) / read if read else 0.0

    def lines(self) -> list[str]:
        """Precision and recall of each presence, and what was missed."""
        said: list[str] = []
        for one in self.labelled:
            recall = f"{self.found[one]}/{self.labelled[one]}"
            precision = f"{self.right[one]}/{self.read[one]}" if one in self.read else "-"
            said.append(f"  {one:10} recall {recall:>8}   precision {precision:>8}")
        silent = len(self.missed) - len(self.named)
        said.append(
            f"  presence missed: {len(self.missed)}, {silent} of them without a word, "
            f"{len(self.named)} named as not read; false presence: {len(self.false)}"
        )
        said.append(f"  ({100 * self.false_share:.1f} % of what was read as present)")
        for title, entries in (
            ("missed silently", [one for one in self.missed if one not in self.named]),
            ("missed but named", self.named),
            ("false", self.false),
            ("other", self.other),
        ):
            said += [f"    {title}: {text}" for text in entries]
        return said


def rows(kind: str, half: str) -> dict[str, list[dict[str, str]]]:
    """Rows of the corpus by their text.

    **Arguments:**

    - `kind`: `history`, `medicines` or `regimens`. `half`: one of `SETS` or `all`; a set that has
      none of a kind gives no rows.
    """
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for one in SETS if half == "all" else (half,):
        path = CORPUS / f"{kind}_{one}.csv"
        if not path.exists():
            continue
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found[row["text"]].append(dict(row))
    return found


def _same(one: str, other: str) -> bool:
    return (
        one == other
        or other in _SPECIAL.get(one, "").split(";")
        or one in _SPECIAL.get(other, "").split(";")
    )


def history_score(entries: Mapping[str, Sequence[Mapping[str, str]]]) -> Score:
    """Read entries of a history and compare with their labels."""
    score = Score()
    for text, labels in entries.items():
        match = read_history(text)
        got = [(one.factor, one.presence) for one in match.findings]
        wanted = [(row["subject"], row["presence"]) for row in labels]
        _compare(score, text, wanted, got, told=bool(match.unread) or match.status == "unknown")
    return score


def medicine_score(
    entries: Mapping[str, Sequence[Mapping[str, str]]],
) -> tuple[Score, Counter[str]]:
    """Read entries on medicines; also whether the daily amounts were right, none or another."""
    score, daily = Score(), Counter[str]()
    for text, labels in entries.items():
        match = resolve_medicine(text)
        got = [(_name(one), _presence(one)) for one in match.mentions]
        wanted = [(_parts(row["medicine"]), row["presence"]) for row in labels]
        _compare(score, text, wanted, got, told=match.status == "unknown" or bool(match.unread))
        for row in labels:
            if row["daily_mg"]:
                read = {
                    one.daily_mg for one in match.mentions if _name(one) == _parts(row["medicine"])
                }
                daily[_judged(read, float(row["daily_mg"]))] += 1
                if _judged(read, float(row["daily_mg"])) == "another":
                    score.other.append(f"{text}: {read} mg a day")
    return score, daily


def _judged(read: Iterable[float | None], wanted: float) -> str:
    amounts = [one for one in read if one is not None]
    if not amounts:
        return "none"
    return "right" if any(abs(one - wanted) < 1e-6 for one in amounts) else "another"


def _parts(name: str) -> str:
    """A name of the labels; of a combination its parts, in order."""
    return " / ".join(sorted(name.split(" / ")))


def _name(one: MedicineMention) -> str:
    return " / ".join(sorted(one.names)) if one.names else one.classes[0]


def _presence(one: MedicineMention) -> str:
    if one.presence == "stopped":
        return "stopped" if one.recent else "not_taken"
    return one.presence.replace(" ", "_")


def _compare(
    score: Score,
    text: str,
    wanted: Sequence[tuple[str, str]],
    got: Sequence[tuple[str, str]],
    *,
    told: bool,
) -> None:
    for subject, presence in wanted:
        score.labelled[presence] += 1
        if presence == "unknown":
            score.found[presence] += told
            if not told:
                score.other.append(f"{text}: read as nothing unknown")
            continue
        mine = {said for factor, said in got if _same(subject, factor)}
        score.found[presence] += presence in mine
        if presence in COUNTED and not mine.intersection(COUNTED):
            score.missed.append(f"{text}: {subject} {presence}, read {sorted(mine)}")
            # a denial or another person's is an answer: a word beside it does not make it good
            if told and not mine:
                score.named.append(score.missed[-1])
        elif presence not in mine:
            score.other.append(f"{text}: {subject} {presence}, read {sorted(mine)}")
    for factor, said in dict.fromkeys(got):
        score.read[said] += 1
        alike = {presence for subject, presence in wanted if _same(subject, factor)}
        score.right[said] += said in alike
        if said in COUNTED and not alike.intersection(COUNTED):
            score.false.append(f"{text}: {factor} {said}")


def regimen_score(
    entries: Mapping[str, Sequence[Mapping[str, str]]],
) -> tuple[Counter[str], list[str]]:
    """Read sentences of a regimen: right, refused (rightly or not), wrong."""
    counts, wrong = Counter[str](), list[str]()
    for text, (row, *_) in entries.items():
        verdict = _regimen(text, row)
        counts[verdict] += 1
        if verdict.startswith("wrong"):
            wrong.append(f"{verdict}: {text}")
    return counts, wrong


def _regimen(text: str, row: Mapping[str, str]) -> str:
    from ketasim import InputError
    from ketasim.dosing import parse_regimen

    try:
        regimen = parse_regimen(text)
    except InputError:
        return "refused, but can be read" if row["outcome"] == "read" else "refused"
    if row["outcome"] == "refused":
        return "wrong (should be refused)"
    sessions = [time / 24 for time in regimen.sessions]
    doses = regimen.doses
    wanted = [float(day) for day in row["days"].split()]
    if len(sessions) != int(row["sessions"]) or (
        wanted and any(abs(a - b) > 1e-6 for a, b in zip(sessions, wanted, strict=True))
    ):
        return "wrong (days)"
    if {dose.drug for dose in doses} != {row["drug"]} or {dose.route for dose in doses} != {
        row["route"]
    }:
        return "wrong (drug or route)"
    amounts = [float(one) for one in row["amount"].split()]
    given: dict[int, float] = defaultdict(float)
    minutes: dict[int, float] = defaultdict(float)
    for dose in doses:
        given[dose.session] += dose.amount
        minutes[dose.session] += 60 * dose.duration
    if {dose.unit for dose in doses} != {row["unit"]} or not _each(list(given.values()), amounts):
        return "wrong (amount)"
    spans = [float(one) for one in row["over_min"].split()]
    return "read right" if not spans or _each(list(minutes.values()), spans) else "wrong (duration)"


def _each(got: Sequence[float], wanted: Sequence[float]) -> bool:
    """Whether each number is the one that is wanted of all, or of its place."""
    if len(wanted) == 1:
        return all(abs(one - wanted[0]) < 1e-6 for one in got)
    return len(got) == len(wanted) and all(
        abs(a - b) < 1e-6 for a, b in zip(got, wanted, strict=True)
    )


def main(half: str) -> None:
    """Print the figures of one set of the corpus, or of all."""
    history = rows("history", half)
    print(f"History: {len(history)} entries")
    print("\n".join(history_score(history).lines()))
    medicines = rows("medicines", half)
    score, daily = medicine_score(medicines)
    print(f"Medicines: {len(medicines)} entries")
    print("\n".join(score.lines()))
    print(
        f"  daily amount: {daily['right']} right, {daily['none']} none, {daily['another']} another"
    )
    regimens = rows("regimens", half)
    counts, wrong = regimen_score(regimens)
    print(f"Regimens: {len(regimens)} sentences")
    for verdict, count in sorted(counts.items()):
        print(f"  {verdict}: {count}")
    for text in wrong:
        print(f"    {text}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "all")
