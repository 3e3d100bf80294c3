"""Medicines and entries of a history as a file may have them: a line of text, or keys."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, model_validator

from ketasim._base import InputError
from ketasim.dosing.fields import FROZEN, Text, refuse, shortened, validated, word

TAKEN = ("taken", "stopped", "never")
"""What can be said of a medicine."""
HAD = ("present", "absent", "family", "suspected")
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
        return value

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
            return " ".join(value.split())
        if isinstance(value, model):
            return value
        if not isinstance(value, dict):
            raise refuse(f"'{shortened(value)}' is not text", "write it as text")
        try:
            return validated(model, value)  # pyright: ignore[reportUnknownArgumentType]
        except InputError as error:
            raise refuse(f"{error.field}: {error.problem}", error.remedy) from None

    return BeforeValidator(read)


Medicine = Annotated[str | MedicineEntry, _entry(MedicineEntry)]
"""A medicine of a patient: a line of text, or keys."""

Disease = Annotated[str | HistoryEntry, _entry(HistoryEntry)]
"""An entry of a history: a line of text, or keys."""


def entry_form(entry: str | MedicineEntry | HistoryEntry) -> str | dict[str, Any]:
    """An entry as a file has it."""
    return entry if isinstance(entry, str) else entry.to_dict()
