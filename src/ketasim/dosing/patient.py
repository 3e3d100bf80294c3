"""Who is treated, and how many virtual patients like them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Final, cast

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from ketasim._base import NUMBER, InputError, near, parse_quantity, read_number
from ketasim.dosing.fields import (
    FROZEN,
    MOST_ENTRIES,
    Text,
    quantity,
    refuse,
    shortened,
    validated,
    word,
)
from ketasim.evidence import facts, load_card, source_name
from ketasim.vocabulary import scale_of, scale_remedy

SEXES: Final = ("female", "male")
_SEX_WORDS: Final = {"female": "female f woman w girl", "male": "male m man boy"}
ANCESTRIES: Final = ("white", "black", "asian", "japanese", "other")
GENOTYPES: Final = ("*1/*1", "*1/*6", "*6/*6")
DIAGNOSES: Final = ("mdd", "trd", "bipolar", "suicidality", "ptsd", "ocd", "anxiety", "pain")
HEALTHY: Final = "healthy"
"""The diagnosis of a healthy volunteer: what a session does is simulated, mood is not."""
HEALTHY_WORDS: Final = (HEALTHY, "none", "healthy volunteer", "healthy volunteers", "volunteer")
"""Words for it."""
SETTINGS: Final = ("outpatient", "inpatient", "emergency")
PLACES: Final = ("clinic", "home")
IMPAIRMENTS: Final = ("normal", "mild", "moderate", "severe")


@cache
def scales() -> Mapping[str, float]:
    """Rating scales with their highest score, points; the lowest is 0. From the table `scales`."""
    return {row.cells["scale"]: float(row.cells["high"]) for row in facts("scales")}


# Limits against slips of the pen, wider than any patient in the evidence.
WEIGHTS: Final = (1.0, 500.0)
"""Lightest and heaviest patient that is accepted, kg."""
AGES: Final = (0.0, 120.0)
"""Youngest and oldest patient that is accepted, years."""

HEIGHTS: Final = (0.3, 2.75)
"""Shortest and tallest patient that is accepted, m: assumed limits against slips of the pen."""

VITAL_LIMITS: Final[Mapping[str, tuple[float, float, str]]] = {
    "sbp": (40.0, 300.0, "mmHg"),
    "dbp": (20.0, 200.0, "mmHg"),
    "heart_rate": (20.0, 300.0, "/min"),
    "spo2": (40.0, 100.0, "%"),
}
"""Lowest and highest vital sign that is accepted, and its unit: assumed limits against slips."""

_EXAMPLES: Final = {"sbp": "150 mmHg", "dbp": "95 mmHg", "heart_rate": "72 /min", "spo2": "97 %"}
# a rate and a share as people write them; the library of units knows neither
_UNIT_WORDS: Final = {
    "/min": re.compile(r"(?:/|1/|per )\s*min(?:ute)?|bpm|min\^?-1|beats?(?: ?/| per) ?min(?:ute)?"),
    "%": re.compile(r"%|percent|per cent"),
}
_VALUE: Final = re.compile(rf"({NUMBER})\s*(\S.*)?", re.DOTALL)
# what people write as a key, and which list it belongs into
_HISTORY_KEYS: Final = (
    "pregnant pregnancy breastfeeding lactating allergy allergies conditions comorbidities "
    "diseases diagnoses dialysis smoker smoking alcohol"
)
_MEDICINE_KEYS: Final = "medication medications meds drugs comedication concomitant"


@cache
def reference_weight() -> tuple[float, str]:
    """Weight taken for a patient whose weight is not given.

    **Returns:** kg, and the key of its source: the reference weight of the published models, as the
    card of the reference model has it (grade assumed).
    """
    entry = load_card("reference").entry("WT_ref")
    return entry.value, entry.source


@cache
def diagnoses() -> Mapping[str, str]:
    """Every word for a diagnosis, in small letters with single spaces, to its name.

    Names are those of `DIAGNOSES`, first, of the other conditions of `ketasim evidence condition`,
    whose titles and synonyms are words for them too, and `HEALTHY`.
    """
    rows = [row.cells for row in facts("care/condition_names")]
    names = dict.fromkeys((*DIAGNOSES, *(row["condition"] for row in rows)))
    words = {_spaced(name): name for name in names}
    for row in rows:
        for word_for in (row["title"], *filter(None, row["synonyms"].split(";"))):
            words.setdefault(_spaced(word_for), row["condition"])
    return words | dict.fromkeys(HEALTHY_WORDS, HEALTHY)


def _spaced(text: str) -> str:
    return " ".join(text.lower().replace("_", " ").replace("-", " ").split())


def _read_diagnosis(value: object) -> str:
    """The name of a diagnosis, written as a name or in other words for it."""
    names = tuple(dict.fromkeys(diagnoses().values()))
    listed = f"use one of: {', '.join(names)}"
    if not isinstance(value, str):
        raise refuse(f"'{shortened(value)}' is not a word", listed)
    found = diagnoses().get(_spaced(value))
    if found is None:
        hint = near(value.strip().lower(), names)
        raise refuse(
            f"unknown value '{shortened(value)}'", hint if hint.startswith("did") else listed
        )
    return found


def _not_a_place(value: object) -> object:
    """A place is not what the model of mood calls a setting."""
    if isinstance(value, str) and value.strip().lower() in PLACES:
        raise refuse(
            f"'{value.strip()}' is where doses are taken, not a setting",
            f"write it as 'place: {value.strip().lower()}'",
        )
    return value


def _degree(value: object) -> str:
    """`mild impairment` says the same as `mild`; a disease or its treatment is history."""
    word_ = str(value).strip().lower() if isinstance(value, str) else ""
    found = word_.removesuffix(" impairment")
    if found not in IMPAIRMENTS:
        raise refuse(
            f"'{shortened(value)}' is not a degree of impairment",
            f"use one of: {', '.join(IMPAIRMENTS)}; write a disease or dialysis under 'history', "
            "such as 'history: [haemodialysis]'",
        )
    return found


def _read_sex(value: object) -> str:
    word_ = value.strip().lower().rstrip(".") if isinstance(value, str) else ""
    found = next((sex for sex, words in _SEX_WORDS.items() if word_ in words.split()), None)
    if found is None:
        raise refuse(f"unknown value '{shortened(value)}'", near(str(value)[:40].lower(), SEXES))
    return found


def known_scale(scale: str) -> str:
    """Return the scale that a name means, or refuse one that the package does not carry."""
    found = scale_of(scale, scales())
    if found is None:
        raise refuse(f"unknown scale '{shortened(scale)}'", scale_remedy(scale, scales()))
    return found


def check_score(scale: str, score: float) -> None:
    """Refuse points that are no score of a scale."""
    highest = scales()[scale]
    if not 0 <= score <= highest:
        raise refuse(f"{score:g} is not a score of {scale}", f"give 0 to {highest:g} points")


class Baseline(BaseModel):
    """Score of a rating scale before treatment.

    **Arguments:**

    - `scale`: one of `scales()`.
    - `score`: points.
    """

    model_config = FROZEN

    scale: str
    score: Annotated[float, Field(strict=True, allow_inf_nan=False)]

    @field_validator("scale")
    @classmethod
    def _known(cls, scale: str) -> str:
        return known_scale(scale)

    @model_validator(mode="after")
    def _in_range(self) -> Baseline:
        check_score(self.scale, self.score)
        return self


def _vital(name: str) -> BeforeValidator:
    """Validator of a vital sign such as `150 mmHg`, within the assumed limits."""
    low, high, unit = VITAL_LIMITS[name]
    example = f"write it with its unit, such as '{_EXAMPLES[name]}'"

    def read(value: object) -> float:
        try:
            found = _in_words(value, unit, example)
        except InputError as error:
            raise refuse(error.problem, example) from None
        if not low <= found <= high:
            raise refuse(
                f"'{shortened(value)}' is outside {low:g} to {high:g} {unit}, "
                "assumed limits against slips of the pen",
                "give a value in that range, or leave it out",
            )
        return found

    return BeforeValidator(read, json_schema_input_type=str)


def _in_words(value: object, unit: str, example: str) -> float:
    """The number of a vital sign; the unit must stand beside it."""
    words = _UNIT_WORDS.get(unit)
    if words is None:
        return parse_quantity(value, unit, field="")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise refuse(f"'{shortened(value)}' is not a quantity", example)
    match = _VALUE.fullmatch(str(value).strip().lower())
    if match is None:
        raise refuse(f"'{shortened(value)}' is not a number with a unit", example)
    if match[2] is None:
        raise refuse(f"'{shortened(value)}' has no unit", example)
    if not words.fullmatch(match[2]):
        raise refuse(f"'{shortened(match[2])}' is not a unit usable as {unit}", example)
    return float(read_number(match[1], field=""))


_PRESSURE_KEYS: Final = ("bp", "blood_pressure")
_PRESSURE: Final = re.compile(
    r"\s*([0-9]{2,3})\s*/\s*([0-9]{2,3})\s*(?:mm\s?Hg)?\s*", re.IGNORECASE
)


class Vitals(BaseModel):
    """Vital signs before a session; everything may be left out.

    **Arguments:**

    - `sbp`, `dbp`: systolic and diastolic blood pressure, such as `150 mmHg`.
    - `heart_rate`: such as `72 /min`.
    - `spo2`: oxygen saturation, such as `97 %`.

    `bp: 145/92`, with `mmHg` or without, is both pressures.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("pulse", "hr"), "write it as 'heart_rate', such as '72 /min'"),
        **dict.fromkeys(("sao2", "saturation", "sats"), "write it as 'spo2', such as '97 %'"),
        **dict.fromkeys(("systolic", "diastolic"), "write it as 'sbp' or 'dbp', in mmHg"),
    }
    """Keys that people write, which vital signs have not, to what to write."""

    sbp: Annotated[float, _vital("sbp")] | None = None
    dbp: Annotated[float, _vital("dbp")] | None = None
    heart_rate: Annotated[float, _vital("heart_rate")] | None = None
    spo2: Annotated[float, _vital("spo2")] | None = None

    @model_validator(mode="before")
    @classmethod
    def _both_pressures(cls, given: Any) -> Any:
        """`bp: 145/92` says what `sbp` and `dbp` say."""
        if not isinstance(given, Mapping):
            return given
        entry = cast("Mapping[str, Any]", given)
        names = [name for name in _PRESSURE_KEYS if name in entry]
        if not names or len(names) > 1 or "sbp" in entry or "dbp" in entry:
            return entry
        text = entry[names[0]]
        match = _PRESSURE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise refuse(
                f"'{shortened(text)}' is not a blood pressure",
                "write it such as '145/92 mmHg'",
                below=names[0],
            )
        rest = {name: value for name, value in entry.items() if name != names[0]}
        return {**rest, "sbp": f"{match[1]} mmHg", "dbp": f"{match[2]} mmHg"}

    @model_validator(mode="after")
    def _possible(self) -> Vitals:
        if self.sbp is not None and self.dbp is not None and self.dbp >= self.sbp:
            raise refuse(
                f"the diastolic pressure, {self.dbp:g} mmHg, is not below the systolic, "
                f"{self.sbp:g} mmHg",
                "check both; they may be swapped",
            )
        return self

    def written(self) -> dict[str, str]:
        """The vital signs that are given, with their units, as a course file has them."""
        form: dict[str, str] = {}
        for name, (_, _, unit) in VITAL_LIMITS.items():
            value: float | None = getattr(self, name)
            if value is not None:
                form[name] = f"{value!r} {unit}"
        return form


TAKEN: Final = ("taken", "stopped", "never")
"""What can be said of a medicine."""
LONGEST_ENTRY: Final = 1000
"""Most characters of an entry: a limit against slips of the pen."""
HAD: Final = ("present", "absent", "family", "suspected")
"""What can be said of a disease."""


def _when(value: object) -> object:
    """A year or a date without quotes is text here."""
    return str(value) if value is not None and not isinstance(value, bool | str) else value


_When = Annotated[Text, BeforeValidator(_when)]


class MedicineEntry(BaseModel):
    """A medicine written with keys.

    **Arguments:**

    - `name`: of the medicine or class. `dose`: such as `100 mg daily`.
    - `status`: `taken`, `stopped` or `never`; it stands over what the words of the name say.
    - `since`: when it was begun, or stopped, such as `2019` or `5 days ago`.
    - `note`: a remark; it changes nothing.
    """

    model_config = FROZEN

    name: Text
    dose: Text = ""
    status: Annotated[str, word(TAKEN, listed=True)] = "taken"
    since: _When = ""
    note: Text = ""

    def __str__(self) -> str:
        """The entry as a line of text."""
        said = " ".join(filter(None, (self.name, self.dose)))
        since = f"since {self.since}" if self.since else ""
        return ", ".join(filter(None, (said, self.status, since, self.note)))

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as its keys."""
        return self.model_dump(exclude_unset=True)


class HistoryEntry(BaseModel):
    """A disease or habit written with keys.

    **Arguments:**

    - `name`: of the disease; `condition` says the same.
    - `status`: `present`, `absent`, `family` (a relative's) or `suspected`; it stands over what
      the words of the name say.
    - `since`: when it began or was, such as `2019` or `3 weeks ago`.
    - `note`: a remark; it changes nothing.
    """

    model_config = FROZEN

    name: Text
    status: Annotated[str, word(HAD, listed=True)] = "present"
    since: _When = ""
    note: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _condition(cls, value: Any) -> Any:
        if isinstance(value, dict) and "condition" in value and "name" not in value:
            given: dict[str, Any] = dict(value)  # pyright: ignore[reportUnknownArgumentType]
            return {"name": given.pop("condition")} | given
        return value  # pyright: ignore[reportUnknownVariableType]

    def __str__(self) -> str:
        """The entry as a line of text."""
        since = f"since {self.since}" if self.since else ""
        return ", ".join(filter(None, (self.name, self.status, since, self.note)))

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as its keys."""
        return self.model_dump(exclude_unset=True)


def _entry(model: type[MedicineEntry] | type[HistoryEntry]) -> BeforeValidator:
    def read(value: object) -> object:
        if isinstance(value, str):
            if len(value) > LONGEST_ENTRY:
                raise refuse(
                    f"'{shortened(value)}' has {len(value)} characters",
                    f"write each medicine or disease as an entry of its own, of up to "
                    f"{LONGEST_ENTRY} characters",
                )
            # a new line begins another statement
            return "; ".join(filter(None, (" ".join(one.split()) for one in value.split("\n"))))
        if isinstance(value, model):
            return value
        if not isinstance(value, dict):
            raise refuse(f"'{shortened(value)}' is not text", "write it as text")
        try:
            return validated(model, value)  # pyright: ignore[reportUnknownArgumentType]
        except InputError as error:
            raise refuse(error.problem, error.remedy, below=error.field) from None

    return BeforeValidator(read)


Medicine = Annotated[str | MedicineEntry, _entry(MedicineEntry)]
"""A medicine of a patient: a line of text, or keys."""

Disease = Annotated[str | HistoryEntry, _entry(HistoryEntry)]
"""An entry of a history: a line of text, or keys."""


def _listed(value: object) -> object:
    """One entry without a list, or the word that there is none, as a list."""
    if not isinstance(value, str):
        return value
    return () if value.strip(" .").lower() in ("none", "nil", "nothing", "") else (value,)


Medicines = Annotated[
    tuple[Medicine, ...], Field(max_length=MOST_ENTRIES), BeforeValidator(_listed)
]
"""Medicines: a list, one line, or `none`."""

Diseases = Annotated[tuple[Disease, ...], Field(max_length=MOST_ENTRIES), BeforeValidator(_listed)]
"""Entries of a history: a list, one line, or `none`."""


def entry_form(entry: str | MedicineEntry | HistoryEntry) -> str | dict[str, Any]:
    """An entry as a file has it."""
    return entry if isinstance(entry, str) else entry.to_dict()


class Patient(BaseModel):
    """Who is treated; everything may be left out.

    **Arguments:**

    - `age`: years; left out, no effect of age is computed.
    - `weight`: kg; left out, the reference weight of the published models, named in `assumed`.
    - `height`: such as `172 cm` or `5 ft 8 in`; with the weight it gives the body mass index.
    - `sex`: female or male, or `F`, `M`, `woman`, `man`.
    - `ancestry`: white, black, asian, japanese or other.
    - `cyp2b6`: genotype, `*1/*1`, `*1/*6` or `*6/*6`.
    - `diagnosis`: mdd, trd, bipolar, suicidality, ptsd, ocd, anxiety or pain, or another condition
      of `ketasim evidence condition`, such as crps; healthy (or none) for a volunteer, of whom mood
      is not simulated.
    - `baseline`: scale and score before treatment.
    - `setting`: outpatient, inpatient or emergency.
    - `place`: clinic or home, where the doses are taken, for `ketasim screen`.
    - `medicines`: the other medicines, each in words or as `MedicineEntry`.
    - `kidney`, `liver`: normal, or mild, moderate or severe impairment.
    - `history`: diseases and habits, each in words or as `HistoryEntry`, for `ketasim screen`; an
      empty list or `none` says there is none.
    - `vitals`: vital signs before a session, for `ketasim screen`.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            _HISTORY_KEYS.split(),
            "write it in words under 'history'; leave it out where the answer is no",
        ),
        **dict.fromkeys(_MEDICINE_KEYS.split(), "write it under 'medicines'"),
        **dict.fromkeys(("gender",), "write it as 'sex'"),
        **dict.fromkeys(("wt", "mass", "bodyweight", "body_weight"), "write it as 'weight'"),
        **dict.fromkeys(("race", "ethnicity"), "write it as 'ancestry'"),
        **dict.fromkeys(("genotype",), "write it as 'cyp2b6'"),
        **dict.fromkeys(("renal", "kidneys"), "write it as 'kidney'"),
        **dict.fromkeys(("hepatic",), "write it as 'liver'"),
        **dict.fromkeys(("bp", "blood_pressure"), "write 'vitals: {bp: 145/92}' with its numbers"),
        **dict.fromkeys(("sbp", "dbp"), "write it under 'vitals'"),
    }
    """Keys that people write, which a patient has not, to what to write."""

    age: Annotated[float, quantity("year", *AGES, bare=True)] | None = None
    weight: Annotated[float, quantity("kg", *WEIGHTS)] = Field(
        default_factory=lambda: reference_weight()[0]
    )
    height: Annotated[float, quantity("m", *HEIGHTS, example="172 cm")] | None = None
    sex: Annotated[str, BeforeValidator(_read_sex)] | None = None
    ancestry: Annotated[str, word(ANCESTRIES)] | None = None
    cyp2b6: Annotated[str, word(GENOTYPES, listed=True)] | None = None
    diagnosis: Annotated[str, BeforeValidator(_read_diagnosis)] | None = None
    baseline: Baseline | None = None
    setting: Annotated[str, word(SETTINGS), BeforeValidator(_not_a_place)] | None = None
    place: Annotated[str, word(PLACES)] | None = None
    medicines: Medicines = ()
    kidney: Annotated[str, BeforeValidator(_degree)] | None = None
    liver: Annotated[str, BeforeValidator(_degree)] | None = None
    history: Diseases = ()
    vitals: Vitals | None = None

    @property
    def body_mass_index(self) -> float | None:
        """Weight over the square of the height, kg/m²; nothing unless both are given."""
        if self.height is None or "weight" not in self.model_fields_set:
            return None
        return self.weight / self.height**2

    @property
    def pressure(self) -> dict[str, float | None]:
        """Blood pressure before a session, `SBP` and `DBP` to mmHg, or nothing."""
        vitals = self.vitals
        if vitals is None:
            return {"SBP": None, "DBP": None}
        return {"SBP": vitals.sbp, "DBP": vitals.dbp}

    @property
    def assumed(self) -> tuple[str, ...]:
        """Names of the fields that were left out and whose value was assumed."""
        return () if "weight" in self.model_fields_set else ("weight",)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What was assumed, as sentences for reports."""
        if not self.assumed:
            return ()
        weight, source = reference_weight()
        sentence = (
            f"The patient's weight is not given: {weight:g} kg is assumed, the reference weight of "
            f"the published models ({source_name(source)})."
        )
        return (sentence,)
