"""The linter of the evidence: small checks, each with its severity, over tables and cards."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, Final

from ketasim._base import InputError, near
from ketasim.evidence.card import Card
from ketasim.evidence.card_file import card_keys, load_card
from ketasim.evidence.citing.names import load_source_names
from ketasim.evidence.citing.sources import FILES, read_sources
from ketasim.evidence.linting.cards import CARD_CHECKS
from ketasim.evidence.linting.finding import Check, Evidence, Finding, Severity
from ketasim.evidence.linting.tables import TABLE_CHECKS
from ketasim.evidence.tables import choice_names, facts, table_names

CHECKS: Final[tuple[Check, ...]] = (*TABLE_CHECKS, *CARD_CHECKS)
"""Every check, in the order it runs."""

_ORDER: Final[dict[Severity, int]] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Waiver:
    """An accepted finding.

    **Arguments:**

    - `check`: name of the check, such as `duplicate_fact`.
    - `table`: the table or card concerned.
    - `row`: the row, or nothing for every row.
    - `reason`: why the finding is accepted.
    """

    check: str
    table: str
    row: int | str | None
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Tell whether the waiver accepts a finding."""
        same = (self.check, self.table) == (finding.check, finding.table)
        return same and self.row in (None, finding.row)


def shipped() -> Evidence:
    """Return the evidence the package carries.

    A card that cannot be read becomes a finding of `lint`, not an error here.
    """
    data = resources.files("ketasim.evidence").joinpath("data")
    names = load_source_names()
    bibliography = [
        read_sources(data.joinpath(f"{name}.csv").read_bytes().decode("utf-8"), names)
        for name in FILES
    ]
    cards: dict[str, Card] = {}
    unreadable: dict[str, str] = {}
    for key in card_keys():
        try:
            cards[key] = load_card(key)
        except InputError as error:
            unreadable[key] = str(error)
    return Evidence(
        tables={name: facts(name) for name in table_names()},
        choices={name: facts(name) for name in choice_names()},
        sources=tuple(entry for part in bibliography for entry in part),
        cards=cards,
        unreadable=unreadable,
    )


def read_waivers(text: str) -> tuple[Waiver, ...]:
    """Read waivers from TOML text: a list of `[[waiver]]` with check, table, row and reason.

    **Raises:** `InputError` when a waiver names no known check or gives no reason.
    """
    waivers: list[Waiver] = []
    names = [check.name for check in CHECKS]
    items: list[dict[str, Any]] = tomllib.loads(text).get("waiver", [])
    for index, item in enumerate(items):
        waiver = Waiver(
            str(item.get("check", "")),
            str(item.get("table", "")),
            item.get("row"),
            str(item.get("reason", "")).strip(),
        )
        if waiver.check not in names:
            raise InputError(
                f"waiver[{index}].check", f"unknown '{waiver.check}'", near(waiver.check, names)
            )
        if not waiver.reason:
            raise InputError(f"waiver[{index}].reason", "is missing", "say why it is accepted")
        waivers.append(waiver)
    return tuple(waivers)


def lint(
    evidence: Evidence | None = None, waivers: Iterable[Waiver] | None = None
) -> list[Finding]:
    """Check tables, bibliography and cards.

    **Arguments:**

    - `evidence`: what to check; the package's own when left out.
    - `waivers`: accepted findings; the package's own when `evidence` is left out.

    **Returns:** the findings, errors first; a waived one is `info` and carries the reason.
    """
    if evidence is None:
        evidence = shipped()
        if waivers is None:
            data = resources.files("ketasim.evidence").joinpath("data", "waivers.toml")
            waivers = read_waivers(data.read_text(encoding="utf-8"))
    accepted = tuple(waivers or ())
    used: set[Waiver] = set()
    findings: list[Finding] = []
    for check in CHECKS:
        for table, row, message in check.run(evidence):
            finding = Finding(check.severity, table, row, check.name, message)
            waiver = next((one for one in accepted if one.covers(finding)), None)
            if waiver is not None:
                used.add(waiver)
                finding = replace(finding, severity="info", waived=waiver.reason)
            findings.append(finding)
    findings += [
        Finding(
            "warning", waiver.table, waiver.row, "unused_waiver", f"no '{waiver.check}' to waive"
        )
        for waiver in accepted
        if waiver not in used
    ]
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])


def summary(findings: Iterable[Finding]) -> Mapping[str, int]:
    """Return the number of findings by severity."""
    counts = dict.fromkeys(_ORDER, 0)
    for finding in findings:
        counts[finding.severity] += 1
    return {str(severity): count for severity, count in counts.items()}
