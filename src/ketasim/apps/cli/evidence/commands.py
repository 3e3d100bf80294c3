"""`ketasim evidence`: look up, cite and check the published numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ketasim.apps.cli.console import (
    AsJson,
    example,
    note,
    print_json,
    print_table,
    whole_number,
)
from ketasim.apps.cli.evidence.meta import meta
from ketasim.apps.cli.evidence.topics import condition, conflicts

if TYPE_CHECKING:
    from ketasim.evidence import CardView, FactView, SourceView, TrialView

evidence_app = App(
    name="evidence",
    help="Look up, cite and check the published numbers.",
    help_epilogue=example("evidence show perezruixo2021"),
)
evidence_app.command(condition, help_epilogue=example("evidence condition trd"))
evidence_app.command(conflicts, help_epilogue=example("evidence conflicts naltrexone"))
evidence_app.command(meta, help_epilogue=example("evidence meta --drug esketamine --at '28 d'"))


@evidence_app.command(name="list", help_epilogue=example("evidence list cmax --table pk/observed"))
def list_(
    *words: Annotated[str, Parameter(help="Words that a row must contain.")],
    table: Annotated[str | None, Parameter(help="Table or folder, such as pk/observed.")] = None,
    source: Annotated[str | None, Parameter(help="Key of a source, such as otto2021.")] = None,
    limit: Annotated[int | None, whole_number("Maximum number of rows to print.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find published numbers; without any word or option, name the tables."""
    from ketasim._base.words import counted
    from ketasim.evidence import facts, list_facts, table_names

    text = " ".join(words)
    if not text and table is None and source is None and limit is None:
        counts = {name: len(facts(name)) for name in table_names()}
        if as_json:
            print_json({"tables": counts})
        else:
            print_table(("table", "rows"), [(name, str(n)) for name, n in counts.items()])
        return
    found = list_facts(text, table=table, source=source, limit=limit)
    if as_json:
        print_json({"facts": [view.to_dict() for view in found]})
        return
    for view in found:
        _print_fact(view)
    note(counted(len(found), "row"))


@evidence_app.command(help_epilogue=example("evidence show perezruixo2021"))
def show(key: str, /, *, as_json: AsJson = False) -> None:
    """Show everything known of a source, card or trial, or of a row such as pk/observed:17.

    Parameters
    ----------
    key
        Key of a source, a card or a published trial, or the name of a row.
    """
    from ketasim.evidence import CardView, FactView, TrialView
    from ketasim.evidence import show as look_up

    views = look_up(key)
    if as_json:
        print_json({"views": [view.to_dict() for view in views]})
        return
    for number, view in enumerate(views):
        if number:
            print()
        if isinstance(view, FactView):
            _print_fact(view)
            print(f"  {view.citation}")
            print(f"  graded by this rule: {view.grade.reason}; quality: {view.grade.quality}")
        elif isinstance(view, CardView):
            _print_card(view)
        elif isinstance(view, TrialView):
            _print_trial(view)
        else:
            _print_source(view)


@evidence_app.command(help_epilogue=example("evidence cite perezruixo2021 --text"))
def cite(
    *keys: Annotated[str, Parameter(help="Keys of sources or of cards.")],
    result: Annotated[
        Path | None, Parameter(help="Folder of a result: cite everything it used.")
    ] = None,
    text: Annotated[bool, Parameter(help="Plain references instead of BibTeX.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the BibTeX of sources, of cards, or of everything a result used."""
    from ketasim._base import InputError
    from ketasim.evidence import bibtex
    from ketasim.evidence import cite as references

    wanted = list(keys)
    if result is not None:
        from ketasim.reports import read_sources_used

        wanted += read_sources_used(result)
    if not wanted:
        raise InputError("key", "none is given", "name sources, or a result with --result DIR")
    found = _sources_of(wanted)
    if as_json:
        lines = references(found).splitlines()
        print_json({"keys": found, "references": lines, "bibtex": bibtex(found)})
    else:
        print(references(found) if text else bibtex(found))


@evidence_app.command(help_epilogue=example("evidence lint --all"))
def lint(
    *,
    all_findings: Annotated[
        bool, Parameter(name="--all", help="Also show accepted findings, with the reason.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Check tables, bibliography and cards; exit status 1 when there are errors."""
    from ketasim.evidence import lint as check
    from ketasim.evidence import summary

    findings = check()
    counts = summary(findings)
    if as_json:
        print_json({"summary": counts, "findings": [one.to_dict() for one in findings]})
    else:
        for one in findings:
            if one.severity != "info" or all_findings:
                where = one.table if one.row is None else f"{one.table}:{one.row}"
                reason = f" (accepted: {one.waived})" if one.waived else ""
                print(f"{one.severity}: {where}: {one.check}: {one.message}{reason}")
        print(", ".join(f"{number} {severity}" for severity, number in counts.items()))
    return 1 if counts.get("error") else 0


def _sources_of(keys: list[str]) -> list[str]:
    """Keys of sources: a key that names a card only stands for every source the card cites."""
    from ketasim.evidence import card_keys, load_card, load_sources

    known, cards = load_sources(), card_keys()
    found: list[str] = []
    for key in keys:
        if key not in known and key in cards:
            found += [one for one in load_card(key).sources() if one in known]
        else:
            found.append(key)
    return list(dict.fromkeys(found))


def _print_fact(view: FactView, *, cited: bool = True) -> None:
    from ketasim.evidence import source_name

    cells = view.fact.cells
    words = "; ".join(
        f"{column}: {text}" for column, text in cells.items() if text and column != "source"
    )
    grade = view.grade.grade or "rule"
    key = view.fact.source
    whence = f"  [{source_name(key)}; {key}]" if key else "  [no source]"
    print(f"{view.fact.id}{whence if cited else ''}  {grade}\n  {words}")


def _print_source(view: SourceView) -> None:
    print(f"{view.source.display}  [{view.source.key}]")
    if view.source.citation != view.source.display:
        print(f"  {view.source.citation}")
    if view.source.document != view.source.key:
        print(f"  the same document as {view.source.document}")
    if view.link:
        print(f"  {view.link}")
    if view.source.metadata_note:
        print(f"  {view.source.metadata_note}")
    if view.cards:
        print(f"  cited by the cards: {', '.join(view.cards)}")
    print(f"  rows taken from it: {len(view.facts)}")
    for fact in view.facts:
        _print_fact(fact, cited=False)


def _print_trial(view: TrialView) -> None:
    from ketasim.dosing import arm_details, load_trial
    from ketasim.evidence import source_name

    print(f"Trial {view.key}: {view.title}")
    for arm in load_trial(view.key).arms:
        who = f"{arm.n} patients" if arm.branch is None else f"of those on {arm.branch.of}"
        print(f"  {arm.id} = {arm_details(arm)}, {who}")
    print(f"  simulate it: {view.command}")
    print("Sources")
    for name in dict.fromkeys(map(source_name, view.sources)):
        print(f"  {name}")
    print(f"Rows of the mood tables: {len(view.facts)}")
    for fact in view.facts:
        _print_fact(fact)


def _print_card(view: CardView) -> None:
    from ketasim.apps.cli.models import card_rows

    card = view.card
    print(f"Card {card.key}: {card.title} (model {card.model}; {card.population or 'adults'})")
    for line in card.notes:
        print(f"  {line}")
    print_table(*card_rows(card))
    print(*view.citations, sep="\n")
