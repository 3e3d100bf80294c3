"""`ketasim evidence condition` and `conflicts`: what is known, and what is disputed."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ketasim.apps.cli.console import AsJson, note, print_json, print_table

if TYPE_CHECKING:
    from ketasim.evidence import Condition, Conflict, Effect

_NARROWEST, _WIDEST = 60, 140  # characters of a line of text


def condition(
    *name: Annotated[str, Parameter(help="The condition, such as ptsd or social anxiety.")],
    as_json: AsJson = False,
) -> None:
    """Show doses, results and certainty published for a condition; alone, list the conditions."""
    from ketasim.evidence import condition as look_up
    from ketasim.evidence import condition_names, source_names

    if name:
        found = look_up(" ".join(name))
        if as_json:
            print_json(found.to_dict())
        else:
            _print_condition(found)
        return
    known = [look_up(one) for one in condition_names()]
    if as_json:
        print_json(
            {
                "conditions": [
                    {
                        "name": one.name,
                        "title": one.title,
                        "part_of": one.part_of,
                        "synonyms": one.synonyms,
                        "studies": len(one.studies),
                        "graded_by": one.graded_by,
                    }
                    for one in known
                ]
            }
        )
        return
    print_table(
        ("condition", "in full", "part of", "rows of studies", "graded by"),
        [
            (
                one.name,
                one.title,
                one.part_of,
                str(len(one.studies)),
                source_names(one.graded_by) or "not graded in the evidence",
            )
            for one in known
        ],
    )
    note("A condition that is not listed was not found; this is not evidence of no effect.")


def conflicts(
    *words: Annotated[str, Parameter(help="Words that a conflict must contain.")],
    topic: Annotated[
        str | None,
        Parameter(help="pharmacokinetics, mechanism, mood, session, care or conditions."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show where the evidence disagrees: each side with its source, and what ketasim does."""
    from ketasim.evidence import conflicts as find

    found = find(" ".join(words), topic=topic)
    if as_json:
        print_json({"conflicts": [one.to_dict() for one in found]})
        return
    for number, one in enumerate(found):
        if number:
            print()
        _print_conflict(one)
    note(
        f"{len(found)} question{'' if len(found) == 1 else 's'}"
        if found
        else "no recorded conflict contains these words; this is no evidence that the sources agree"
    )


def _print_condition(one: Condition) -> None:
    from ketasim.evidence import source_name
    from ketasim.reports.evidence.conditions import DOSE_HEADS, dose_lines, route_words

    print(f"{one.title[0].upper()}{one.title[1:]} ({one.name})")
    if one.parts:
        _say(f"With: {', '.join(one.parts)}.")
    print("\nCertainty")
    _say(one.certainty)
    for grading in one.gradings:
        _say(
            f"{grading.about}: “{grading.words}”  [{source_name(grading.source)}] {grading.fact}",
            bullet="- ",
        )
    print("\nDoses studied")
    if one.doses:
        lines = [line for doses in one.doses for line in dose_lines(doses)]
        print_table(DOSE_HEADS, lines)
    else:
        _say("The rows contain no dose by a known route.")
    if one.unstudied:
        routes = ", ".join(map(route_words, one.unstudied))
        _say(f"No study of racemic ketamine is listed here for: {routes}.")
    print(f"\nResults ({len(one.effects)})")
    for effect in one.effects:
        _print_effect(effect)
    if one.context:
        print(f"\nFurther results ({len(one.context)})")
        for effect in one.context:
            _print_effect(effect)
    print("\nNot known")
    for unknown in one.not_known:
        _say(f"{unknown}.", bullet="- ")
    names = list(dict.fromkeys(map(source_name, one.sources)))
    print(f"\nSources ({len(names)})")
    for name in names:
        _say(name, bullet="- ")
    _say(
        "Studied does not mean recommended. What is missing was not found; this is not evidence of "
        "no effect."
    )


def _print_effect(effect: Effect) -> None:
    from ketasim.evidence import source_name, with_source_names

    certainty = f"  {effect.certainty}" if effect.certainty else ""
    print(f"{effect.fact}  [{source_name(effect.source)}]{certainty}")
    _say(with_source_names(effect.study))
    spread = f" ({effect.spread})" if effect.spread else ""
    people = f"; n {effect.n}" if effect.n else ""
    _say(f"{effect.outcome.replace('_', ' ')}: {effect.value}{spread}{people}")


def _print_conflict(one: Conflict) -> None:
    from ketasim.evidence import source_name

    print(f"{one.question}  ({one.topic}: {one.name})")
    for side in one.sides:
        rows = ", ".join(side.facts)
        _say(f"{side.answer}: {side.statement}  [{source_name(side.source)}] {rows}", bullet="- ")
    _say(f"ketasim: {one.ketasim}")


def _say(text: str, bullet: str = "") -> None:
    """Print text indented, wrapped at the width of the terminal; ids are not broken."""
    width = min(max(shutil.get_terminal_size((120, 24)).columns, _NARROWEST), _WIDEST)
    lines = textwrap.wrap(
        text,
        width,
        initial_indent="  " + bullet,
        subsequent_indent="  " + " " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )
    print("\n".join(lines))
