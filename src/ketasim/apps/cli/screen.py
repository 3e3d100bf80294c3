"""`ketasim screen`: a course file goes in, what the evidence says of its safety comes out."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from ketasim.apps.cli.console import (
    AsJson,
    check_folder,
    check_input,
    note,
    path_given,
    print_json,
    save,
)

if TYPE_CHECKING:
    from ketasim.screening import (
        MonitoringPrompt,
        Screen,
        ScreenFinding,
    )

FOUND: Final = 1
"""Exit status when `--fail-on` is asked for and met."""

_WIDTH: Final = 100
_FILES: Final = ("screening.csv", "screening.json")


def screen(
    course: Annotated[Path, Parameter(help="Course file (YAML), or name of an example.")],
    /,
    *,
    out: Annotated[
        Path | None,
        Parameter(
            name="--out",
            help="Folder for screening.csv and screening.json.",
            converter=path_given,
        ),
    ] = None,
    fail_on: Annotated[
        str | None,
        Parameter(
            name="--fail-on",
            help="End with status 1 when there is a finding of this severity or a more severe one: "
            "contraindicated, avoid, caution, note; or not-assessed, for those alone. Only "
            "findings on a drug and route of the course count, unless --any-drug is given.",
        ),
    ] = None,
    any_drug: Annotated[
        bool,
        Parameter(
            name="--any-drug",
            negative=(),
            help="Let --fail-on also count findings for another drug or route.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Screen a course: contraindications, cautions, interactions, monitoring, what is unknown.

    It is a report without a verdict: the exit status is 0 whatever is found, contraindications
    included, unless --fail-on asks for another.
    """
    file = check_input(course, "COURSE")
    if out is not None:
        check_folder(out, _FILES, inputs=(file,))
    limit = None if fail_on is None else _severity(fail_on)

    from ketasim.screening import screen as run

    result = run(course)
    if out is not None:
        for path in save(result, out, inputs=(file,)):
            note(str(path))
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result)
    met = limit is not None and result.at_least(limit, any_drug=any_drug)
    return FOUND if met else 0


def _severity(text: str) -> str:
    from ketasim._base import InputError, near
    from ketasim.screening import SEVERITIES

    word = " ".join(text.lower().replace("-", " ").split())
    if word not in SEVERITIES:
        raise InputError("--fail-on", f"unknown severity '{text}'", near(word, SEVERITIES))
    return word


def _print(result: Screen) -> None:
    from ketasim.screening import NO_VERDICT

    print(f"{result.title or 'Course'}: {result.given}")
    counts = ", ".join(f"{count} {severity}" for severity, count in result.count_words())
    _wrapped(f"Findings: {counts}. {NO_VERDICT}")
    _foremost(result)
    if result.pressure_lines:
        _heading("BLOOD PRESSURE")
        for line in result.pressure_lines:
            _wrapped(line)
    if result.warnings or result.assumptions:
        _heading("HOW THE COURSE WAS READ")
        for line in (*(f"warning: {one}" for one in result.warnings), *result.assumptions):
            _wrapped(f"- {line}")
    _rest(result)
    if result.monitoring:
        _heading("MONITORING prompted by these findings")
        for prompt in result.monitoring:
            _prompt(prompt)
    for title, entries in result.interpreted:
        _heading(f"{title.upper()} AS INTERPRETED")
        for text, told in entries:
            _wrapped(f"- {text}: {told}")
    _heading(f"NOT ASSESSED ({len(result.not_assessed)}): not assessed as safe")
    for one in result.not_assessed:
        matched = f" ({one.matched})" if one.matched not in ("", one.subject) else ""
        _wrapped(f"- {one.about}{matched}: {one.statement}")
    _heading("SOURCES")
    _sources(result)


def _foremost(result: Screen) -> None:
    """The most severe findings in full, and what was written and not assessed."""
    first = result.foremost
    count = len(first)
    _heading(f"MOST SEVERE ({count}), each on another matter" if count > 1 else "MOST SEVERE")
    if not first:
        print("No finding is more severe than a note.")
    for place, one in enumerate(first, start=1):
        other = "" if one.applies_here else f", for {one.applies_to}, not {result.given}"
        _wrapped(f"{place}. {one.severity.upper()}{other}: {_subject(one)}")
        _finding(one)
        more = len(result.on_same(one))
        if more:
            _wrapped(f"{more} more on this below", "    ")
    if result.unread:
        _wrapped(f"Written in the course, not or not wholly assessed: {'; '.join(result.unread)}.")


def _rest(result: Screen) -> None:
    """All other findings, by severity."""
    from ketasim.screening import SEVERITIES

    shown = set(result.foremost)
    for severity in SEVERITIES:
        found = [one for one in result.of(severity) if severity != "not assessed"]
        for here in (True, False):
            group = [one for one in found if one.applies_here == here]
            rest = [one for one in group if one not in shown]
            if not rest:
                continue
            other = "" if here else f", for a drug or route other than {result.given}"
            boxed = sum(one.boxed for one in group)
            marked = f", {boxed} in a boxed warning" if boxed else ""
            above = f", {len(group) - len(rest)} of them above" if len(rest) < len(group) else ""
            _heading(f"{severity.upper()}{other} ({len(group)}{above}{marked})")
            _findings(rest)


def _subject(one: ScreenFinding) -> str:
    if one.matched in ("", one.subject):
        return one.about
    return f"{one.about} [{one.matched}]"


def _heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def _findings(found: Sequence[ScreenFinding]) -> None:
    """Findings on one thing of the course stand under it."""
    for about, group in groupby(found, key=_subject):
        _wrapped(about)
        for one in group:
            _finding(one)


def _finding(one: ScreenFinding) -> None:
    from ketasim.evidence import source_names

    marked = "BOXED WARNING: " if one.boxed else ""
    # a statement that begins with its effect does not say it twice
    named = not one.direction or one.statement.lower().startswith(one.effect.lower())
    effect = "" if named else f"{one.effect}: "
    _wrapped(f"- {marked}{effect}{one.statement}", "  ")
    for text in one.measured:
        _wrapped(f"measured: {text}", "    ")
    said = [f"size {one.size}"] if one.size else []
    said += ["SOURCES DISAGREE"] if one.conflict else []
    said += [f"the source says: {one.source_says}"] if one.severity_in_source else []
    said += [one.quality, one.jurisdiction, one.date, source_names(one.sources)]
    _wrapped("; ".join(dict.fromkeys(text for text in said if text)), "    ")


def _prompt(prompt: MonitoringPrompt) -> None:
    from ketasim.evidence import source_names
    from ketasim.screening import subject_words

    _wrapped(f"- {prompt.name}: {prompt.what_to_do}")
    where = ", ".join(text for text in (prompt.jurisdiction, prompt.date) if text)
    asked = ", ".join(dict.fromkeys(subject_words(one) for one in prompt.prompted_by))
    _wrapped(f"prompted by {asked}; {where}; {source_names(prompt.sources)}", "    ")


def _sources(result: Screen) -> None:
    from ketasim.evidence import source

    documents = dict.fromkeys(source(key).document for key in result.sources())
    for one in map(source, documents):
        told = one.citation
        named = told if told.startswith(one.display) else f"{one.display}: {told}"
        _wrapped(f"- {named} [{one.key}]")


def _wrapped(text: str, indent: str = "") -> None:
    print(
        textwrap.fill(
            text,
            width=_WIDTH,
            initial_indent=indent,
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    )
