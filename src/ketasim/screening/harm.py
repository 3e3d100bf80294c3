"""Harm over time: what was seen at which exposure, beside a course, and what is not known."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ketasim.__about__ import __version__
from ketasim._base import Headline, HeadlineRow, InputError, Result, near
from ketasim._base.headline import plain
from ketasim._base.result import csv
from ketasim._base.words import counted
from ketasim.dosing import Course
from ketasim.evidence import Fact, Grade, fact, facts, grade_row, number, source_name
from ketasim.screening.exposure import TreatmentExposure, course_exposure
from ketasim.vocabulary import HistoryForm, read_history

if TYPE_CHECKING:
    import polars

TABLE: Final = "care/harms"
"""The table of harms."""

SETTINGS_OF_USE: Final = ("supervised", "home")
"""Where doses of a treatment are taken, as far as harm has been published for them."""

EXPOSURE_CLASSES: Final = (
    "therapeutic supervised",
    "therapeutic at home",
    "recreational",
    "background",
    "any",
)
"""Kinds of exposure, which are never mixed; `any` is for rules of law and of the person."""

HARMS: Final = (
    "bladder and urinary",
    "misuse and dependence",
    "misuse risk factors",
    "boxed warning",
    "suicidality",
    "cognition",
    "liver",
    "mortality and poisoning",
    "controlled status",
    "published exposure",
)
"""What the rows of the table are about, in the order of the report."""

_PUBLISHED: Final = "published exposure"
_WEEKS_A_YEAR: Final = 365.25 / 7
_OWN: Final = "ketasim"  # key of this package as a source
_FACTORS: Final = "misuse risk factors"
_USE: Final = ("substance use", "active substance use", "alcohol", "opioid use disorder", "ghb use")
# Rows of misuse risk factors, by what is said of whom, to words of a history that name them. A row
# that is no factor of a person, such as the duty to assess everybody, is not here.
_NAMED_BY: Final = {
    ("risk factor", "spravato_pi_2019"): _USE,
    ("risk factor", "cohen2018summary"): ("active substance use",),
    ("risk factor", "ketalar_onc"): ("substance use", "active substance use", "alcohol"),
    ("risk factor", "palamar2022"): ("opioid use disorder", "ghb use"),
    ("exclusion", "hull2022blossom"): _USE,
}


@dataclass(frozen=True)
class HarmStatement:
    """One published statement on harm, or one thing that is not known.

    **Arguments:**

    - `id`: the row in the table, such as `care/harms:3`.
    - `harm`, `topic`: what it is about.
    - `exposure_class`: one of `EXPOSURE_CLASSES`.
    - `drug`: ketamine, esketamine, or other words of the table.
    - `statement`: in own words.
    - `value`, `unit`: the number, where one is published.
    - `population`, `n`, `duration`: of whom, how many, how long.
    - `facts`: ids of the rows that say it.
    - `source`, `locator`, `jurisdiction`, `date`: where and when it was said.
    - `certainty`, `limits`: what kind of evidence it is, and what it does not tell.
    - `grade`: of the number, by the row it comes from; nothing without a number.
    """

    id: str
    harm: str
    topic: str
    exposure_class: str
    drug: str
    statement: str
    value: float | None
    unit: str
    population: str
    n: int | None
    duration: str
    facts: tuple[str, ...]
    source: str
    locator: str
    jurisdiction: str
    date: str
    certainty: str
    limits: str
    grade: Grade | None

    @property
    def known(self) -> bool:
        """Tell whether something was published; rows on what is not known say no."""
        return self.certainty != "not known"


@dataclass(frozen=True)
class HarmPosition:
    """Where a course stands beside one published exposure; no risk follows from it.

    **Arguments:**

    - `what`: what is compared.
    - `course`: the course's own number, in words.
    - `published`: the published number, in words.
    - `exposure_class`: of the published exposure.
    - `relation`: `within`, `above` or `beside`; `beside` where the two differ in drug or route, or
      where the published number is no limit.
    - `meaning`: what may be said, and what may not.
    - `source`, `facts`: of the published number.
    """

    what: str
    course: str
    published: str
    exposure_class: str
    relation: str
    meaning: str
    source: str
    facts: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class HarmReport(Result):
    """Published harm beside what a course gives, without a score.

    **Arguments:**

    - `exposure`: what the course gives.
    - `exposure_classes`: the published classes that the course lies in; both therapeutic ones when
      it is not told where the doses are taken.
    - `drugs`: drugs of the course.
    - `harms`: every row of the table, published exposures included.
    - `positions`: the course beside published exposures.
    - `not_known`: rows on what no source tells, of these classes and drugs.
    - `notes`: what the reader must know.
    - `factors`: rows on factors of misuse to the words of the patient's history that name them,
      none where it does not state them; no rows where the patient is not known.
    """

    exposure: TreatmentExposure
    exposure_classes: tuple[str, ...]
    drugs: tuple[str, ...]
    harms: tuple[HarmStatement, ...]
    positions: tuple[HarmPosition, ...]
    not_known: tuple[HarmStatement, ...]
    notes: tuple[str, ...]
    factors: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def headline(self) -> Headline:
        """What the course gives, and how much is published beside it."""
        given = self.exposure
        seen = Counter(one.relation for one in self.positions)
        rows = [HeadlineRow("sessions", str(given.sessions), f"over {_weeks(given.weeks)}")]
        rows += [
            HeadlineRow(f"total {drug}", plain(mg, 3), unit="mg of base")
            for drug, mg in given.milligrams.items()
        ]
        rows += [
            HeadlineRow("published exposures, course within", str(seen["within"])),
            HeadlineRow("published exposures, course above", str(seen["above"])),
            HeadlineRow("published exposures of another drug, route or use", str(seen["beside"])),
            HeadlineRow("statements on these classes", str(len(self.seen_in_class()))),
            HeadlineRow("not known", str(len(self.not_known))),
        ]
        title = f"Published harm over time; exposure: {' or '.join(self.exposure_classes)}"
        return Headline(title, tuple(rows), "No risk is computed from these numbers.")

    @property
    def metadata(self) -> dict[str, Any]:
        """Version, and what the course gives."""
        return {"ketasim": __version__, "exposure": self.exposure.to_dict()}

    def sources(self) -> tuple[str, ...]:
        """Keys of every source, in the order of the tables."""
        rows = (*self.harms, *self.positions)
        return tuple(dict.fromkeys(one.source for one in rows if one.source))

    def main_table(self) -> polars.DataFrame:
        """The statements, as `table` returns them."""
        return self.table()

    def files(self) -> dict[str, bytes]:
        """What `save` writes: harm.csv and harm.json."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=2)
        return {"harm.csv": csv(self.table()), "harm.json": f"{text}\n".encode()}

    def of(self, harm: str, exposure_class: str | None = None) -> tuple[HarmStatement, ...]:
        """Return the rows about one harm, of one class of exposure when that is named.

        **Arguments:**

        - `harm`: one of `HARMS`.
        - `exposure_class`: one of `EXPOSURE_CLASSES`, or nothing for all.

        **Raises:** `InputError` when a word is unknown.
        """
        if harm not in HARMS:
            raise InputError("harm", f"unknown harm '{harm}'", near(harm, HARMS))
        if exposure_class is not None and exposure_class not in EXPOSURE_CLASSES:
            raise InputError(
                "exposure_class",
                f"unknown class '{exposure_class}'",
                near(exposure_class, EXPOSURE_CLASSES),
            )
        return tuple(
            row
            for row in self.harms
            if row.harm == harm and exposure_class in (None, row.exposure_class)
        )

    def seen_in_class(self) -> tuple[HarmStatement, ...]:
        """Return what was published of the course's own classes, or of every exposure."""
        classes = {*self.exposure_classes, "any"}
        return tuple(row for row in self.harms if row.exposure_class in classes and row.known)

    def table(self) -> polars.DataFrame:
        """Return the rows as a frame; `own_class` marks those of the course's classes."""
        import polars

        rows = [
            {
                **{name: value for name, value in vars(row).items() if name != "facts"},
                "facts": "; ".join(row.facts),
                "own_class": row.exposure_class in self.exposure_classes,
            }
            for row in self.harms
        ]
        return polars.DataFrame(
            rows,
            schema_overrides={"value": polars.Float64, "n": polars.Int64},
            infer_schema_length=None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain dictionaries and lists."""
        return {
            "exposure": self.exposure.to_dict(),
            "exposure_classes": list(self.exposure_classes),
            "drugs": list(self.drugs),
            "positions": [_plain(one) for one in self.positions],
            "not_known": [_plain(one) for one in self.not_known],
            "harms": [_plain(one) for one in self.harms],
            "factors": [
                {"id": name, "named": list(words), "said": "named" if words else "not stated"}
                for name, words in self.factors.items()
            ],
            "notes": list(self.notes),
        }


_OF_PLACE: Final = {"clinic": "supervised", "home": "home"}


def harms_over_time(
    course: Course | TreatmentExposure, *, setting: str | None = None
) -> HarmReport:
    """Put published harm beside what a course gives over its whole length.

    Counts and amounts are the course's; everything else is published and keeps its class of
    exposure. Nothing is turned into a risk: numbers of one class do not hold for another. Factors
    of misuse that the patient's history names are marked; what it does not name is not stated.

    **Arguments:**

    - `course`: of treatment, or its exposure counted elsewhere.
    - `setting`: `supervised` or `home`; left out, as the patient's `place` says, if it does.

    **Returns:** the report.

    **Raises:** `InputError` for an unknown setting.
    """
    if setting is None and isinstance(course, Course):
        setting = _OF_PLACE.get(course.patient.place or "")
    if setting is not None and setting not in SETTINGS_OF_USE:
        raise InputError("setting", f"unknown setting '{setting}'", near(setting, SETTINGS_OF_USE))
    exposure = course_exposure(course) if isinstance(course, Course) else course
    classes = {
        None: EXPOSURE_CLASSES[:2],
        "supervised": EXPOSURE_CLASSES[:1],
        "home": EXPOSURE_CLASSES[1:2],
    }[setting]
    drugs = tuple(exposure.milligrams)
    notes = [
        (
            "A course of treatment is therapeutic exposure; findings from recreational use are "
            "listed separately and do not apply to it."
        ),
        *exposure.notes,
    ]
    if setting is None:
        notes.append("Place of treatment not given: both therapeutic classes are shown.")
    if "arketamine" in drugs:
        notes.append("The tables contain nothing on long-term harm of arketamine.")
    rows = published_harms()
    factors: dict[str, tuple[str, ...]] = {}
    if isinstance(course, Course):
        history = course.patient.history
        factors = _factors(rows, history)
        notes += _history_notes(history, stated="history" in course.patient.model_fields_set)
    else:
        notes.append("The patient's history is not known: risk factors for misuse not assessed.")
    return HarmReport(
        exposure=exposure,
        exposure_classes=classes,
        drugs=drugs,
        harms=rows,
        positions=tuple(_positions(exposure, supervised=setting != "home")),
        not_known=tuple(
            row
            for row in rows
            if not row.known and row.exposure_class in classes and row.drug in drugs
        ),
        notes=tuple(notes),
        factors=factors,
    )


def _factors(
    rows: tuple[HarmStatement, ...], history: tuple[str | HistoryForm, ...]
) -> dict[str, tuple[str, ...]]:
    """Rows on factors of a person to the words of a history that name them."""
    read = [read_history(text) for text in history]
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        names = _NAMED_BY.get((row.topic, row.source), ())
        if row.harm != _FACTORS or not names:
            continue
        found[row.id] = tuple(one.text for one in read if not set(names).isdisjoint(one.factors))
    return found


def _history_notes(history: tuple[str | HistoryForm, ...], *, stated: bool) -> Iterator[str]:
    """What of a history could not be read for misuse, as sentences."""
    if not history:
        given = "is an empty list" if stated else "is not given"
        yield f"The patient's history {given}: it names no risk factor for misuse."
        return
    read = [read_history(text) for text in history]
    for status, why in (
        ("unknown", "not understood, so not assessed for misuse"),
        ("denied", "read as absent, so not marked"),
        ("family", "read as a relative's, so not marked"),
    ):
        words = [f"'{one.text}'" for one in read if one.status == status]
        if words:
            yield f"History: {', '.join(words)}: {why}."


@cache
def published_harms() -> tuple[HarmStatement, ...]:
    """The statements on harm, from the table `care/harms`, in the order of `HARMS`."""
    rows = [_harm(row) for row in facts(TABLE)]
    return tuple(sorted(rows, key=lambda row: HARMS.index(row.harm)))


def _harm(row: Fact) -> HarmStatement:
    named = row.listed("facts")
    value, people = number(row.get("value")), number(row.get("n"))
    # the number is that of the first row named
    grade = grade_row(fact(named[0])).grade if named and value is not None else None
    return HarmStatement(
        id=row.id,
        harm=row.get("harm"),
        topic=row.get("topic"),
        exposure_class=row.get("exposure_class"),
        drug=row.get("drug"),
        statement=row.get("statement"),
        value=value,
        unit=row.get("unit"),
        population=row.get("population"),
        n=None if people is None else int(people),
        duration=row.get("duration"),
        facts=named,
        source=row.source,
        locator=row.get("locator"),
        jurisdiction=row.get("jurisdiction"),
        date=row.get("date"),
        certainty=row.get("certainty"),
        limits=row.get("limits"),
        grade=grade,
    )


def harm_source(row: HarmStatement) -> str:
    """Return the source of a statement as people cite it.

    That nothing is known is a look at the tables, which no publication and no calibration says.
    """
    own = not row.known and row.source == _OWN
    return "ketasim's tables" if own else source_name(row.source)


def _named(one: HarmStatement | HarmPosition) -> str:
    return harm_source(one) if isinstance(one, HarmStatement) else source_name(one.source)


def _plain(one: HarmStatement | HarmPosition) -> dict[str, Any]:
    return {**asdict(one), "source_name": _named(one), "facts": list(one.facts)}


def _published(topic: str, exposure_class: str, drug: str) -> HarmStatement:
    """The one published exposure of a kind."""
    found = [
        row
        for row in published_harms()
        if (row.harm, row.topic, row.exposure_class, row.drug)
        == (_PUBLISHED, topic, exposure_class, drug)
    ]
    assert len(found) == 1, (topic, exposure_class, drug)
    return found[0]


def _positions(exposure: TreatmentExposure, *, supervised: bool) -> Iterator[HarmPosition]:
    clinic, home, recreational = EXPOSURE_CLASSES[:3]
    nasal = tuple(exposure.milligrams) == ("esketamine",) and exposure.routes == ("intranasal",)
    # trials and label are of supervised doses
    spray = nasal and supervised
    years = exposure.weeks / _WEEKS_A_YEAR
    yield _beside(
        "length of treatment",
        f"{_weeks(exposure.weeks)} from the first to the last session",
        _published("longest", clinic, "esketamine"),
        years if spray else None,
        within="Within the duration of nasal esketamine trials; number treated so long not given.",
        above="Longer than any nasal esketamine trial in the tables: no published data.",
        other="Supervised trials of nasal esketamine; not applicable to this treatment.",
    )
    yield _beside(
        "sessions in any seven days",
        f"at most {exposure.most_in_7_days}{_rate(exposure)}",
        _published("most often", clinic, "esketamine"),
        float(exposure.most_in_7_days) if spray else None,
        within="Within the frequency of the nasal esketamine label.",
        above="More frequent than the nasal esketamine label.",
        other="Label of supervised nasal esketamine; not applicable to this treatment.",
    )
    if "ketamine" in exposure.milligrams and "iv" in exposure.routes:
        yield _beside(
            "sessions over time, racemic IV ketamine",
            f"{counted(exposure.sessions, 'session')} over {_weeks(exposure.weeks)}"
            f"{_rate(exposure)}",
            _published("words", clinic, "ketamine"),
            None,
            other="From a professional statement; not a limit at which harm was measured.",
        )
    if "ketamine" in exposure.milligrams and _mouth(exposure):
        per_kg = exposure.most_mg_in_a_day.get("ketamine", 0.0) / exposure.weight
        yield _beside(
            "dose of the racemate in a day",
            f"at most {per_kg:.3g} mg/kg" if exposure.most_mg_in_a_day else "not counted",
            _published("programme", home, "ketamine"),
            None,
            other="Sublingual starting dose of one programme; long-term harm was not followed.",
        )
    yield _beside(
        "amount in a day",
        _amounts(exposure.most_mg_in_a_day, "at most"),
        _published("dose", recreational, "ketamine"),
        None,
        other=(
            "Amounts reported by users, of unknown purity, taken daily. The findings do not apply "
            "to treatment."
        ),
    )
    yield _beside(
        "doses in a week",
        f"at most {exposure.most_in_7_days} in seven days",
        _published("frequency", recreational, "ketamine"),
        None,
        other="Users with reduced bladder capacity; amounts per dose not given.",
    )
    yield _beside(
        "length of use",
        _weeks(exposure.weeks),
        _published("length", recreational, "ketamine"),
        None,
        other="Only users who already had ketamine bladder disease.",
    )


def _mouth(exposure: TreatmentExposure) -> bool:
    return bool({"oral", "oral_er", "sublingual", "buccal"} & set(exposure.routes))


def _beside(
    what: str,
    course: str,
    row: HarmStatement,
    comparable: float | None,
    *,
    other: str,
    within: str = "",
    above: str = "",
) -> HarmPosition:
    """A position; a relation only where the numbers are of the same drug and route."""
    relation, meaning = "beside", other
    if comparable is not None and row.value is not None:
        is_within = comparable <= row.value * (1 + 1e-9)
        relation, meaning = ("within", within) if is_within else ("above", above)
    return HarmPosition(
        what=what,
        course=course,
        published=row.statement,
        exposure_class=row.exposure_class,
        relation=relation,
        meaning=meaning,
        source=row.source,
        facts=(row.id, *row.facts),
    )


def _weeks(weeks: float) -> str:
    return f"{weeks:.3g} week{'' if f'{weeks:.3g}' == '1' else 's'}"


def _rate(exposure: TreatmentExposure) -> str:
    mean = exposure.sessions_per_week
    return "" if mean is None else f", {mean:.2g} a week on average"


def _amounts(milligrams: Mapping[str, float], before: str) -> str:
    if not milligrams:
        return "not counted"
    return "; ".join(f"{before} {_amount(mg)} mg of {drug}" for drug, mg in milligrams.items())


def _amount(milligrams: float) -> str:
    """An amount in three places, large ones in whole mg."""
    return f"{milligrams:,.0f}" if milligrams >= 100 else f"{milligrams:.3g}"
