"""One finding of a screen: what the evidence says, how severe, of what quality, from where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from ketasim.screening.wording import QUANTITIES, effect_words, source_words, subject_words

SEVERITIES: Final = ("contraindicated", "avoid", "caution", "note", "not assessed")
"""Severities of findings, the most severe first; *not assessed* is a class of its own."""

FINDING_KINDS: Final = (
    "history",
    "vitals",
    "patient",
    "medicine",
    "known medicine",
    "pd",
    "pk",
    "dose",
    "course",
    "not stated",
)
"""What a finding is about: `pd` and `pk` are interactions, `medicine` a name that is not known, is
not taken or was stopped, `known medicine` one without evidence, `patient` an age, an ancestry, an
organ or a gene."""

NOTHING: Final = "Nothing found in the evidence; not assessed as safe."
"""What is said of an effect on which there is no evidence."""

KNOWN: Final = (
    "Known; the evidence has no finding on it with ketamine. That is not proof of safety."
)
"""What is said of a known medicine on which there is no evidence."""

_BOXED: Final = "boxed warning"
_ADVISES: Final = ("label", "guideline", "leaflet", "protocol", "practice")
_ORDER: Final = re.compile(r"\b(?:do not|avoid|monitor|not to be)\b", re.IGNORECASE)


@dataclass(frozen=True)
class ExposureRatio:
    """How exposure changes in the reference model.

    **Arguments:**

    - `with_`: what is added: a medicine, a genotype, kidney impairment, or all medicines together.
    - `quantity`, `site`: such as `ketamine`, `venous`.
    - `metric`: `AUC` to infinity or `Cmax`, of the first session.
    - `ratio`: with it to without it.
    """

    with_: str
    quantity: str
    site: str
    metric: str
    ratio: float


@dataclass(frozen=True)
class ScreenFinding:
    """One thing that the evidence says of a course.

    **Arguments:**

    - `subject`: what the evidence speaks of, such as `benzodiazepine`.
    - `matched`: what of the course it was matched to, as written.
    - `kind`: one of `FINDING_KINDS`. `severity`: one of `SEVERITIES`.
    - `severity_in_source`: the source's own words.
    - `statement`: in other words than the source's.
    - `direction`: raises, lowers, none, conflict or unknown. `effect_on`: such as `sedation`.
    - `size`: as published. `computed`: by the reference model. `measured`: published ratios of
      exposure, with what differs from this course.
    - `quality`: such as `RCT`, `retrospective`, `case reports`, `label`, `animal`.
    - `conflict`: whether findings on the same effect of the same medicine disagree.
    - `applies_to`: `esketamine`, `ketamine` or `both`, and the route if the source is on one.
    - `applies_here`: whether the source is on a drug and route of this course.
    - `jurisdiction`, `date`: of the source, such as `US`, `2019`; empty when not shown.
    - `conditional`: whether it depends on something that is not known of the patient.
    - `sources`: keys. `facts`: ids of rows. `monitoring`: names of the prompts, see
      `MonitoringPrompt`.
    """

    subject: str
    matched: str
    kind: str
    severity: str
    statement: str
    severity_in_source: str = ""
    direction: str = ""
    effect_on: str = ""
    size: str = ""
    computed: tuple[ExposureRatio, ...] = ()
    measured: tuple[str, ...] = ()
    quality: str = ""
    conflict: bool = False
    applies_to: str = ""
    applies_here: bool = True
    jurisdiction: str = ""
    date: str = ""
    sources: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    monitoring: tuple[str, ...] = ()
    conditional: bool = False

    @property
    def boxed(self) -> bool:
        """Whether the source has it in a boxed warning."""
        return _BOXED in self.severity_in_source.lower()

    @property
    def about(self) -> str:
        """The subject as people say it, such as `MAO inhibitor` for `maoi`."""
        return subject_words(self.subject)

    @property
    def effect(self) -> str:
        """Direction and effect in words that cannot be read the wrong way round."""
        return effect_words(self.direction, self.effect_on)

    @property
    def told(self) -> str:
        """The statement behind who makes it, where it could be read as an order of this program."""
        advises = any(word in self.quality for word in _ADVISES)
        if not self.sources or self.computed or not (advises or _ORDER.search(self.statement)):
            return self.statement  # what the model computes is nobody else's
        place = "" if self.jurisdiction == self.quality else self.jurisdiction
        where = ", ".join(filter(None, (place, self.date)))
        who = self.quality[:1].upper() + self.quality[1:] if advises else "Source"
        return f"{who}{f' ({where})' if where else ''}: {self.statement}"

    @property
    def source_says(self) -> str:
        """The source's own words, with their English where they are in another language."""
        return source_words(self.severity_in_source)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as a plain dictionary, with `about`, `effect` and `boxed` in words."""
        return {
            **asdict(self),
            "about": self.about,
            "effect": self.effect,
            "source_says": self.source_says,
            "boxed": self.boxed,
        }


@dataclass(frozen=True)
class MonitoringPrompt:
    """Something to measure or to ask, and the findings that prompt it.

    **Arguments:**

    - `name`: such as `blood pressure`. `what_to_do`: in own words.
    - `prompted_by`: what of the course prompts it.
    - `applies_to`, `applies_here`, `jurisdiction`, `date`, `sources`, `facts`: as of
      `ScreenFinding`.
    """

    name: str
    what_to_do: str
    prompted_by: tuple[str, ...]
    applies_to: str
    applies_here: bool
    jurisdiction: str
    date: str
    sources: tuple[str, ...]
    facts: tuple[str, ...]


def ratio_words(ratios: Iterable[ExposureRatio]) -> str:
    """Ratios of exposure in words, such as `AUC of S-ketamine × 1.20`."""
    return ", ".join(f"{r.metric} of {QUANTITIES[r.quantity]} × {r.ratio:.2f}" for r in ratios)


def unassessed(kind: str, subject: str, matched: str, statement: str) -> ScreenFinding:
    """A finding that says what was not assessed."""
    return ScreenFinding(
        subject=subject, matched=matched, kind=kind, severity="not assessed", statement=statement
    )
