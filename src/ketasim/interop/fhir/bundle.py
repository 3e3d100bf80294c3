"""A FHIR R4 Bundle: its entries, each a resource that is valid R4, of one patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from ketasim._base import InputError, named
from ketasim.interop.fhir.element import Element, part, parts, text
from ketasim.interop.fhir.json_text import read_json
from ketasim.interop.fhir.package import is_type, r4_class
from ketasim.interop.records import Account

READ: Final = (
    "QuestionnaireResponse",
    "Observation",
    "MedicationAdministration",
    "Patient",
    "Medication",
    "Questionnaire",
)
"""Types of resource that are read."""

_ASKED: Final = {
    "MedicationRequest": "an order, which does not say that it was given",
    "MedicationStatement": "a statement, which does not say when a dose was given",
    "MedicationDispense": "handed out, which does not say that it was given",
}
_MOST: Final = 100_000  # entries
_FIELD: Final = "bundle"


@dataclass(frozen=True)
class Entry:
    """A resource of a bundle.

    **Arguments:**

    - `kind`: its type. `resource`: its content. `url`: of the entry, empty without one.
    """

    kind: str
    resource: Mapping[str, Any]
    url: str = ""


@dataclass(frozen=True)
class Bundle:
    """The resources of a bundle that are read.

    **Arguments:**

    - `entries`: in their order, those that are valid R4.
    """

    entries: tuple[Entry, ...]

    def of(self, kind: str) -> list[Entry]:
        """The entries of a type."""
        return [one for one in self.entries if one.kind == kind]

    def referred(self, kind: str, reference: str, within: Element) -> Mapping[str, Any]:
        """The resource that a reference points to, contained or of the bundle; empty if none."""
        if reference.startswith("#"):
            own = [one for one in parts(within, "contained") if text(one, "id") == reference[1:]]
            return own[0] if own else {}
        for one in self.of(kind):
            if reference in {one.url, f"{kind}/{text(one.resource, 'id')}"} - {""}:
                return one.resource
        return {}


def read_bundle(path: Path, account: Account) -> Bundle:
    """Read a bundle.

    **Arguments:**

    - `path`: of the JSON file. `account`: takes what is left out.

    **Raises:** `InputError` when it is no FHIR R4 Bundle of one patient, or the package that knows
    R4 is missing.
    """
    classes = {kind: r4_class(kind) for kind in READ}
    content = read_json(path)
    found = _entries(content, path)
    entries: list[Entry] = []
    for entry in found:
        resource = part(entry, "resource")
        kind = text(resource, "resourceType")
        if not resource or not is_type(kind):
            account.leave_out("Entry", "it holds no resource of FHIR R4")
            continue
        _refuse_r5(kind, resource)
        if kind not in READ:
            why = _ASKED.get(kind, "neither a score, a dose, body weight nor the patient")
            account.leave_out(kind, why)
            continue
        problem = _problem(classes[kind], resource)
        if problem:
            account.leave_out(kind, f"not valid in FHIR R4 ({problem})")
            if kind == "MedicationAdministration":
                account.note("A dose that was given may be missing: see what was not read.")
            continue
        entries.append(Entry(kind, resource, text(entry, "fullUrl")))
    return Bundle(_newest(entries))


def _entries(content: Any, path: Path) -> list[dict[str, Any]]:
    shown = named(path)
    if not isinstance(content, dict):
        raise InputError(_FIELD, f"'{shown}' is not a FHIR Bundle", "give a FHIR R4 Bundle as JSON")
    top = cast("dict[str, Any]", content)
    kind = text(top, "resourceType")
    if kind != "Bundle":
        what = f"one {kind}" if is_type(kind) else "no FHIR resource"
        raise InputError(
            _FIELD, f"'{shown}' holds {what}, not a Bundle", "export the resources as one Bundle"
        )
    _refuse_r5("Bundle", top)
    found = parts(top, "entry")
    if not found:
        raise InputError(_FIELD, f"'{shown}' has no entries", "export it again")
    if len(found) > _MOST:
        raise InputError(_FIELD, f"'{shown}' has {len(found):,} entries", f"give at most {_MOST:,}")
    return found


def _refuse_r5(kind: str, resource: Mapping[str, Any]) -> None:
    """Refuse what only R5 has; R4 would be missing the time or the drug of every dose."""
    names = {name.lstrip("_") for name in resource}
    later = any(name.startswith(("occurence", "occurrence")) for name in names)
    medicine = part(resource, "medication")
    if (kind == "MedicationAdministration" and (later or medicine)) or (
        kind == "Bundle" and "issues" in names
    ):
        raise InputError(_FIELD, f"it is FHIR R5 ({kind})", "export it as FHIR R4")


def _problem(model: Any, resource: Mapping[str, Any]) -> str:
    """Where a resource is not valid R4: an element that R4 has, and no word of the record."""
    from pydantic import ValidationError

    try:
        model.model_validate(resource)
    except ValidationError as error:
        found = error.errors(include_input=False, include_context=False, include_url=False)
        first = found[0]["loc"][:1] if found else ()
        return str(first[0]) if first and first[0] in model.model_fields else "its structure"
    except RecursionError:
        return "nested too deeply"
    except (ValueError, TypeError, OverflowError, ArithmeticError):
        return "its structure"
    return ""


def _newest(entries: list[Entry]) -> tuple[Entry, ...]:
    """Each resource once: of versions of one, the newest.

    **Raises:** `InputError` when versions differ and neither says which is newer.
    """
    found: dict[tuple[str, str], Entry] = {}
    for place, one in enumerate(entries):
        name = text(one.resource, "id")
        key = (one.kind, name or one.url or f"entry {place}")
        other = found.get(key)
        if other is None or other.resource == one.resource:
            found[key] = one
            continue
        old, new = _version(other), _version(one)
        if old == new:
            raise InputError(
                _FIELD,
                f"two entries are the same {one.kind} with different content and no version",
                "export the current one alone",
            )
        found[key] = one if new > old else other
    return tuple(found.values())


def _version(entry: Entry) -> tuple[str, int]:
    meta = part(entry.resource, "meta")
    version = text(meta, "versionId")
    return text(meta, "lastUpdated"), int(version) if version.isdecimal() else 0
