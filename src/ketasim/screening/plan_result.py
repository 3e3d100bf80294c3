"""The plan of a session as a result: its entries, and what it opens with."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, cast

from ketasim.__about__ import __version__
from ketasim._base import Headline, HeadlineRow, Result
from ketasim._base.headline import plain
from ketasim._base.result import csv, later
from ketasim._base.words import counted
from ketasim.evidence import source_names

if TYPE_CHECKING:
    import polars


UNWATCHED: Final = "no monitoring period in the sources"
"""Topic of the entry that stands in place of one."""


_OF_LABELS: Final = "nasal esketamine"  # what a monitoring period was stated for


@dataclass(frozen=True)
class PlanEntry:
    """One line of a plan.

    **Arguments:**

    - `at_min_from`, `at_min_to`: min from the first dose; nothing where no time is given, or where
      the end is open.
    - `what`: the topic, or what is given.
    - `kind`: one of `dose`, `measurement`, `effect`, `rule`, `discharge`, `after`.
    - `statement`: in words.
    - `band`: the threshold of a rule or the band of an effect, as text.
    - `established_for`: the drug and use a rule was made for; empty for doses and effects.
    - `applies`: `yes`; or where the rule comes from and that it is not established here; or that
      it was not assessed, because what it depends on is not known of the patient.
    - `jurisdiction`, `date`: of the rule.
    - `sources`, `facts`: keys of the bibliography and ids of table rows.
    - `stage`: `before`, `during`, `after`, `discharge` or `next day`.
    - `grade`: of an effect's threshold; empty otherwise.
    """

    at_min_from: float | None
    at_min_to: float | None
    what: str
    kind: str
    statement: str
    band: str = ""
    established_for: str = ""
    applies: str = "yes"
    jurisdiction: str = ""
    date: str = ""
    sources: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    stage: str = "during"
    grade: str = ""

    @property
    def borrowed(self) -> bool:
        """Tell whether a rule was made for another drug or use than the session's."""
        return self.applies.startswith("from ")


@dataclass(frozen=True, repr=False)
class SessionPlan(Result):
    """A session as a timeline: decision support for professionals, not medical advice.

    **Arguments:**

    - `session`: what is given, such as `IV ketamine`.
    - `entries`: sorted by part of the session, then by time.
    - `end_min`: min from the first dose, when all has been given.
    - `watch_end_min`: min from the first dose, the earliest end of the monitoring period; nothing
      for a form that releases over hours, of which no source has one.
    - `longer`: effects predicted not to have resolved by then, or only in part of their range,
      in words, each with what is published; predictions, not an instruction to monitor longer.
    - `notes`: what the reader must know, and what was not assessed.
    - `pressure_lines`: the patient's blood pressure, the limits of labels whatever the drug, and
      the predicted highest pressure, in words.
    - `assumptions`: of the course as it was read, as sentences.
    - `effects`, `minutes`: of a plan made by `Simulation.session_plan` the predicted effects of the
      session, as `SessionProfile.table` and `SessionProfile.by_minute` have them.
    """

    session: str
    entries: tuple[PlanEntry, ...]
    end_min: float
    watch_end_min: float | None
    longer: tuple[str, ...]
    notes: tuple[str, ...]
    pressure_lines: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    effects: polars.DataFrame | None = field(default=None, compare=False)
    minutes: polars.DataFrame | None = field(default=None, compare=False)

    @property
    def monitoring(self) -> str:
        """When the monitoring period ends, or that no source has one for this form."""
        if self.watch_end_min is None:
            return next(one.statement for one in self.entries if one.what == UNWATCHED)
        ends = (
            "The monitoring period of at least 2 h ends no earlier than "
            f"{self.watch_end_min:.0f} min after the start."
        )
        if self.session == _OF_LABELS:
            return ends
        return f"{ends} It is that of the US label of {_OF_LABELS}, not of {self.session}."

    def headline(self) -> Headline:
        """When what is given and the monitoring period end, and how many rules there are."""
        rules = [one for one in self.entries if one.established_for]
        borrowed = sum(one.borrowed for one in rules)
        watch = "earliest end of the monitoring period"
        rows = (
            HeadlineRow("end of dosing", plain(self.end_min, 3), unit="min"),
            HeadlineRow("no monitoring period in the sources for this form", "")
            if self.watch_end_min is None
            else HeadlineRow(watch, plain(self.watch_end_min, 3), unit="min"),
            HeadlineRow("rules for this drug and route", str(len(rules) - borrowed)),
            HeadlineRow("rules from another drug or use", str(borrowed)),
            HeadlineRow("effects not resolved by then", str(len(self.longer))),
            HeadlineRow("notes", str(len(self.notes))),
        )
        title = f"Session plan, {self.session}: {counted(len(self.entries), 'entry', 'entries')}"
        return Headline(title, rows, "Decision support for professionals; not medical advice.")

    @property
    def metadata(self) -> dict[str, Any]:
        """Version and what is given."""
        return {"ketasim": __version__, "session": self.session}

    def sources(self) -> tuple[str, ...]:
        """Keys of every source, in the order of the plan."""
        from ketasim.screening.pressure import pressure_sources

        keys = [key for one in self.entries for key in one.sources]
        return tuple(dict.fromkeys((*keys, *(pressure_sources(()) if self.pressure_lines else ()))))

    def main_table(self) -> polars.DataFrame:
        """The entries, as `table` returns them."""
        return self.table()

    def files(self, *, printed: bool = False, title: str = "") -> dict[str, bytes]:
        """What `save` writes: plan.csv, and of a simulated session effects.csv and minutes.csv.

        **Arguments:**

        - `printed`: print.pdf as well, one side of A4. `title`: of the course, on that page.
        """
        tables = {"effects": self.effects, "minutes": self.minutes, "plan": self.table()}
        found = {f"{name}.csv": csv(one) for name, one in tables.items() if one is not None}
        if printed:
            found["print.pdf"] = later("ketasim.reports.print:print_session")(self, title=title)
        return found

    def table(self) -> polars.DataFrame:
        """Return the entries as a frame, one a row; sources and facts are joined by `;`."""
        import polars

        rows = [
            {
                name: "; ".join(cast("tuple[str, ...]", value))
                if isinstance(value, tuple)
                else value
                for name, value in vars(entry).items()
            }
            | {"source_names": source_names(entry.sources)}
            for entry in self.entries
        ]
        number = ("at_min_from", "at_min_to")
        schema = {
            one.name: polars.Float64 if one.name in number else polars.String
            for one in fields(PlanEntry)
        }
        schema["source_names"] = polars.String
        return polars.DataFrame(rows, schema=schema)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain dictionaries and lists, without the tables of its effects."""
        entries = [asdict(entry) for entry in self.entries]
        return {
            "session": self.session,
            "entries": [
                {**one, "sources": list(one["sources"]), "facts": list(one["facts"])}
                for one in entries
            ],
            "end_min": self.end_min,
            "watch_end_min": self.watch_end_min,
            "longer": list(self.longer),
            "notes": list(self.notes),
            "pressure_lines": list(self.pressure_lines),
            "assumptions": list(self.assumptions),
        }
