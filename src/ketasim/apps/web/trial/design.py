"""The design of a trial as the page has it: an address, a form, YAML; all the same content."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast

from ketasim._base import InputError, near
from ketasim.apps.web.state import PageState

if TYPE_CHECKING:
    from ketasim.apps.web.settings import Limits
    from ketasim.dosing import Trial

OPTIONS: Final = ("start", "design_packed", "run", "add", "remove", "yaml")
"""Fields of the page's own; all others belong to the design."""

MORE: Final = "more"
"""Field of an arm and of an assessment for the keys that the form has no field for, as YAML."""

FIRST: Final = "ketamine_midazolam"
"""What is shown where the address has no design."""

ARM_FIELDS: Final = (
    *("id", "label", "n", "control", "drug", "route", "dose", "over", "days", "open"),
)
"""Fields of an arm in the form."""

ASSESS_FIELDS: Final = ("scale", "at", "metrics")
"""Fields of an assessment in the form."""

DROPOUT_FIELDS: Final = ("share", "by", "pattern", "arms")
"""Fields of a cause of drop-out in the form."""

TABLES: Final = {"arms": ARM_FIELDS, "assess": ASSESS_FIELDS, "dropout": DROPOUT_FIELDS}
"""Lists of the design that the form has as entries, and the fields of an entry."""

_LISTS: Final = {
    "arms": ("days",),
    "assess": ("at", "metrics", "arms"),
    "dropout": ("arms",),
}
_TEXTS: Final = {"arms": ("id", "label", "dose", "over"), "assess": (), "dropout": ()}
_SHORT: Final = (
    *(("analysis",), ("estimands",), ("primary", "contrast"), ("power", "n")),
    *(("looks", "at"), ("looks", "futility", "z")),
)
"""Lists of the design that the form has in one field, separated by commas."""
_MOST: Final = 400_000  # characters of a design that was packed
_LONG: Final = 5_000  # characters of an address from which a design is packed
_ROWS: Final = 60
_PLACE: Final = re.compile(r"[0-9]{1,3}", re.ASCII)
_RUN: Final = re.compile(r"[\w-]{1,40}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True)
class Design:
    """The design of a trial, not yet checked.

    **Arguments:**

    - `content`: as the YAML file has it. `run`: id of a run of it that is shown; empty for none.
    """

    content: Mapping[str, Any] = field(default_factory=dict[str, Any])
    run: str = ""

    @classmethod
    def read(cls, query: str) -> Design:
        """Read the query string of an address, or the body of a form, which is written alike.

        **Raises:** `InputError` when it cannot be read.
        """
        state = PageState.read(query, OPTIONS)
        options = {name: str(value) for name, value in state.options.items()}
        if "design_packed" in options:
            content: Mapping[str, Any] = _unpacked(options["design_packed"])
        elif "start" in options:
            content = shipped_design(options["start"])
        else:
            content = _tidied(state.course)
        run = options.get("run", "")
        if run and not _RUN.fullmatch(run):
            raise InputError("run", f"'{run[:40]}' is not the name of a run", "take it out")
        design = cls(content, run)
        if "add" in options:
            design = design.added(options["add"])
        return design.removed(options["remove"]) if "remove" in options else design

    @classmethod
    def of_yaml(cls, text: str) -> Design:
        """Read the text of a trial file.

        **Raises:** `InputError` when it cannot be read.
        """
        from ketasim.dosing.yaml_text import read_mapping

        return cls(read_mapping(text, "trial"))

    def query(self) -> str:
        """The query string that reads back as this design; a long one is packed."""
        plain = PageState(self.content).query()
        if len(plain) > _LONG or not _reads_back(plain, self.content):
            plain = f"design_packed={_packed(self.content)}"
        return f"{plain}&run={self.run}" if self.run else plain

    @property
    def link(self) -> str:
        """Address of the page with this design."""
        query = self.query()
        return f"/trial?{query}" if query else "/trial"

    def with_run(self, run: str) -> Design:
        """This design with a run of it."""
        return replace(self, run=run)

    def yaml(self) -> str:
        """The text of a trial file that reads back as equal."""
        return PageState(self.content).yaml()

    def load(self, limits: Limits) -> Trial:
        """Read the trial.

        **Arguments:**

        - `limits`: of the page.

        **Raises:** `InputError` with the field, when it cannot be used or is too large for the
        page.
        """
        from ketasim.dosing import load_trial

        trial = load_trial(dict(self.content))
        remedy = "the command takes more: ketasim trial trial.yaml --out DIR"
        if trial.replicates > limits.replicates:
            problem = f"{trial.replicates:,} are more than the page takes, {limits.replicates:,}"
            raise InputError("replicates", problem, remedy)
        if trial.enrolled > limits.patients:
            problem = (
                f"{trial.enrolled:,} patients are more than the page takes, {limits.patients:,}"
            )
            largest = max(range(len(trial.enrolled_arms)), key=lambda i: trial.enrolled_arms[i].n)
            raise InputError(f"arms[{largest}].n", problem, remedy)
        size = 0 if trial.power is None else trial.power.n[-1]
        if size and (most := trial.enrolled_at(size)) > limits.patients:
            problem = (
                f"{size:,} in the first arm are {most:,} patients, more than the page takes, "
                f"{limits.patients:,}"
            )
            raise InputError("power.n", problem, remedy)
        for place, arm in enumerate(trial.enrolled_arms):
            doses = max(len(arm.doses), len(arm.sessions))
            if doses > limits.doses:
                problem = f"{doses:,} doses are more than the page takes, {limits.doses:,}"
                raise InputError(f"arms[{place}].days", problem, remedy)
        if trial.horizon > limits.horizon:
            most = limits.horizon / 24
            problem = f"{trial.horizon / 24:,.0f} d are more than the page takes, {most:,.0f} d"
            raise InputError("horizon", problem, remedy)
        visits = sum(len(one.times) * len(one.metrics) for one in trial.assessments)
        if visits > limits.doses:
            problem = f"{visits:,} metrics at visits are more than the page takes, {limits.doses:,}"
            raise InputError("assess", problem, remedy)
        return trial

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Entries of one of `TABLES`; what is no entry is left out."""
        entries: Any = self.content.get(table)
        if table == "dropout" and isinstance(entries, Mapping):  # one cause is written as it is
            entries = cast("list[Any]", [entries])
        found = cast("list[Any]", entries) if isinstance(entries, list) else []
        return [dict(cast("Mapping[str, Any]", one)) for one in found if isinstance(one, Mapping)]

    def added(self, table: str) -> Design:
        """This design with one more entry like the last one.

        **Raises:** `InputError` when there is no such table, or it is full.
        """
        if table not in _LISTS:
            raise InputError("add", f"'{table}' cannot be added to", near(table, _LISTS))
        rows = self.rows(table)
        if len(rows) >= _ROWS:
            raise InputError(table, f"there are {len(rows)} already", "paste the design as YAML")
        new = dict(rows[-1]) if rows else {}
        if table == "dropout":
            new = _next_cause(rows)
        if table == "arms":
            taken = {str(row.get("id")) for row in rows}
            stem = str(new.get("id", "arm"))
            new["id"] = next(n for i in range(2, _ROWS + 3) if (n := f"{stem}{i}") not in taken)
            new.pop("label", None)
        return replace(self, content={**self.content, table: [*rows, new]}, run="")

    def removed(self, which: str) -> Design:
        """This design without an entry.

        **Arguments:**

        - `which`: table and position, such as `arms.1`.

        **Raises:** `InputError` when there is none.
        """
        table, _, place = which.partition(".")
        rows = self.rows(table) if table in _LISTS else []
        if not _PLACE.fullmatch(place) or int(place) >= len(rows):
            raise InputError("remove", f"there is no '{which[:40]}'", "choose one of the form")
        del rows[int(place)]
        content = {**self.content, table: rows}
        if table == "dropout" and not rows:  # left out, patients leave as the card has it
            del content[table]
        return replace(self, content=content, run="")


def _next_cause(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A cause of drop-out that is not there yet, as large as the last one."""
    from ketasim.dosing import PATTERNS

    last = rows[-1] if rows else {"share": "10 %", "by": "28 d"}
    taken = {row.get("pattern") for row in rows}
    pattern = next((one for one in PATTERNS if one not in taken), PATTERNS[0])
    return {"share": last.get("share"), "by": last.get("by"), "pattern": pattern}


def shipped_design(name: str) -> dict[str, Any]:
    """The content of a trial that ships.

    **Raises:** `InputError` when there is none of that name: no other file is read.
    """
    from ketasim.dosing import shipped
    from ketasim.dosing.shipped import read_input

    known = shipped("trial")
    if name not in known:
        raise InputError("start", f"no trial '{name}' ships", near(name, known))
    return read_input(known[name], "trial")


def _reads_back(query: str, content: Mapping[str, Any]) -> bool:
    try:
        return dict(_tidied(PageState.read(query, OPTIONS).course)) == dict(content)
    except InputError:
        return False


def _tidied(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a form sends, as a file has it: lists for text with commas, keys for YAML."""
    made = dict(content)
    for table in _LISTS:
        rows = made.get(table)
        if isinstance(rows, list):
            made[table] = [_row(one, table, place) for place, one in enumerate(_entries(rows))]
    people = made.get("population")
    if isinstance(people, Mapping):
        own = dict(cast("Mapping[str, Any]", people))
        if isinstance(own.get("medicines"), str):
            own["medicines"] = [one.strip() for one in own["medicines"].splitlines() if one.strip()]
        made["population"] = own
    if isinstance(made.get("randomisation"), str):
        made["randomisation"] = _more(made["randomisation"], "randomisation")
    for path in _SHORT:
        _split(made, path)
    for name in ("trial", "note"):
        if isinstance(made.get(name), int | float):
            made[name] = str(made[name])
    return made


def _split(content: dict[str, Any], path: tuple[str, ...]) -> None:
    """Make a list of text with commas, where the form has a list in one field."""
    *above, name = path
    for part in above:
        inside = content.get(part)
        if not isinstance(inside, Mapping):
            return
        content[part] = dict(cast("Mapping[str, Any]", inside))
        content = content[part]
    value = content.get(name)
    several = isinstance(value, str) and re.search("[,;]", value)
    words = isinstance(value, str) and (several or name not in ("contrast", "at", "z"))
    # a single number of looks is how many there are
    if words or (name == "n" and isinstance(value, int) and not isinstance(value, bool)):
        content[name] = _list(value)
    if name == "contrast" and isinstance(content.get(name), list):
        content[name] = [str(one) for one in content[name]]


def _entries(rows: Any) -> list[Any]:
    return cast("list[Any]", rows)


def _row(entry: Any, table: str, place: int) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    row = dict(cast("Mapping[str, Any]", entry))
    for name in _LISTS[table]:
        if name in row:
            row[name] = _list(row[name])
    for name in _TEXTS[table]:
        if isinstance(row.get(name), int | float):
            row[name] = str(row[name])
    if MORE in row:
        where = f"{table}[{place}]"
        more = _more(row.pop(MORE), where)
        twice = next((name for name in more if name in row), None)
        if twice is not None:
            raise InputError(
                f"{where}.{MORE}", f"'{twice}' has a field of its own", "write it there alone"
            )
        row |= more
    return row


def _list(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(cast("list[Any]", value))
    if not isinstance(value, str):
        return [value]
    # beside semicolons, a comma between digits is a decimal one
    between = r";|,(?![0-9])" if ";" in value else ","
    words = [one.strip() for one in re.split(between, value) if one.strip()]
    return [_number(one) if _NUMBER.fullmatch(one) else one for one in words]


def _number(word: str) -> Any:
    from ketasim._base import read_yaml

    return read_yaml(word, "address")  # it shows itself as it was typed


def _more(value: Any, where: str) -> dict[str, Any]:
    from ketasim._base import read_yaml

    found = read_yaml(str(value), where)
    if not isinstance(found, dict):
        raise InputError(
            f"{where}.more", "it is not 'name: value' lines", "write such as 'background: none'"
        )
    return cast("dict[str, Any]", found)


def _packed(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def _unpacked(text: str) -> dict[str, Any]:
    refused = InputError(
        "address", "the design in it cannot be read", "start from a trial that ships"
    )
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        unpacker = zlib.decompressobj()
        plain = unpacker.decompress(raw, _MOST)
        found = json.loads(plain.decode()) if not unpacker.unconsumed_tail else None
    except (binascii.Error, zlib.error, ValueError, RecursionError):
        raise refused from None
    if not isinstance(found, dict):
        raise refused
    try:
        _packed(cast("dict[str, Any]", found))  # half a character, which JSON can name, is no text
    except (ValueError, RecursionError):
        raise refused from None
    return cast("dict[str, Any]", found)
