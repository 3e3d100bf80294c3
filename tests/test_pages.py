"""Pages of the repository show what the cards, declarations and kept results say now."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
MAKERS = ROOT / "docs" / "build"
NAME = st.from_regex(r"[a-z]+(?:-[a-z]+)?", fullmatch=True)
WORDS = st.text(alphabet="abc |*`äµ1.\n", max_size=30)


def _module(name: str, folder: Path = MAKERS) -> ModuleType:
    """A file of the documentation's own makers, which find each other by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        return importlib.import_module(name)


marks, pages, results = _module("marks"), _module("pages"), _module("results")


def _texts() -> dict[str, str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    found = [ROOT / name for name in listed.stdout.split("\0") if name]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in found
        if path.is_file()
    }


def _marked() -> list[str]:
    return [
        path.relative_to(ROOT).as_posix()
        for path in pages.pages()
        if any(marks.names(path.read_text(encoding="utf-8")))
    ]


def _pages() -> list[str]:
    """The pages that are shown to readers, as far as they lie in the tree."""
    return ["CONTRIBUTING.md", *(path.relative_to(ROOT).as_posix() for path in pages.pages())]


# What the pages say


@pytest.mark.slow
@pytest.mark.parametrize("name", _marked())
def test_a_page_is_current(name: str) -> None:
    page = ROOT / name
    # as lists of lines, so that a failure shows the lines that differ
    assert page.read_text(encoding="utf-8").splitlines() == pages.current(page).splitlines(), (
        f"{name} is not current: run `make pages`"
    )


def test_kept_results_follow_the_cards_as_they_are() -> None:
    assert results.outdated() == [], "run `make pages ARGS=--recompute`"


def test_every_maker_is_used() -> None:
    found = [marks.names(path.read_text(encoding="utf-8")) for path in pages.pages()]
    assert {name for regions, _ in found for name in regions} == set(pages.REGIONS)
    assert {name.partition(".")[0] for _, values in found for name in values} == set(pages.VALUES)


def test_the_page_of_the_benchmarks_is_that_of_their_results() -> None:
    kept = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    made = _module("page", ROOT / "benchmarks").render(kept)
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert page == made, "run `python benchmarks/run.py --render`"


def test_no_page_shows_a_placeholder() -> None:
    assert [name for name, text in _texts().items() if "{{" in text or "{%" in text] == []


def test_links_lead_somewhere_in_the_repository() -> None:
    texts = _texts()
    found: list[str] = []
    for name, text in texts.items():
        prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.M | re.S)
        for link in re.findall(r"\]\(([^()\s]+)\)", prose):
            if re.match(r"[a-z]+:", link):
                continue
            file, _, anchor = link.partition("#")
            target = (ROOT / name).parent.joinpath(file).resolve() if file else ROOT / name
            shown = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else ""
            if not target.exists() or (anchor and anchor not in _anchors(texts.get(shown, ""))):
                found.append(f"{name}: {link}")
    assert found == []


@pytest.mark.parametrize("name", _pages())
def test_a_page_reads_as_it_stands(name: str) -> None:
    """As CommonMark with tables, which a code-hosting site shows; no extension of the site's."""
    text = (ROOT / name).read_text(encoding="utf-8")
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    html = [re.sub(r"<!--.*?-->", "", t.content, flags=re.S) for t in tokens if "html" in t.type]
    assert "".join(html).strip() == ""  # nothing but comments: HTML would hide its Markdown
    shown = [one for t in tokens for one in t.children or () if one.type == "text"]
    unread = re.compile(r"\|\s*:?-{3}|^\s*\||^!!! |^:::|\{:|\[\^|\]\(|\*\*|<!--|\?\?\? ")
    assert [one.content for one in shown if unread.search(one.content)] == []
    lines = text.splitlines()
    for table in (t for t in tokens if t.type == "table_open"):
        assert table.map is not None
        rows = lines[table.map[0] : table.map[1]]
        # a cell too many is not shown, one too few is shown in the wrong column
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1, rows[0]


def _anchors(text: str) -> set[str]:
    """The anchors that a code-hosting site gives the headings of a page."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", prose, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# How they are filled


@given(st.lists(st.tuples(NAME, WORDS), max_size=4), WORDS)
def test_what_stands_between_marks_does_not_matter(parts: list[tuple[str, str]], old: str) -> None:
    made = dict(parts)
    page = "\n\n".join(
        f"Text {name}.\n\n<!-- generated: {name} -->\n{old}\n<!-- end: {name} -->\n\n"
        f"It is <!--v:{name}-->{old.splitlines()[0] if old.splitlines() else ''}<!--/v-->."
        for name, _ in parts
    )
    once = marks.filled(page, made.__getitem__, lambda name: made[name].replace("\n", " "))
    for name, text in made.items():
        assert f"<!-- generated: {name} -->\n{text.strip()}\n<!-- end: {name} -->" in once
        assert f"It is <!--v:{name}-->{text.replace(chr(10), ' ')}<!--/v-->." in once
    assert marks.filled(once, made.__getitem__, lambda n: made[n].replace("\n", " ")) == once


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a\n<!-- generated: one -->\nb\n", "line 2: <!-- generated: one --> has no partner"),
        ("a\n\n<!-- end: one -->\n", "line 3: <!-- end: one --> has no partner"),
        (
            "<!-- generated: one -->\nb\n<!-- end: two -->\n",
            "line 1: <!-- generated: one --> has no partner",
        ),
        ("a <!--v:one-->2\nb\n", "line 1: <!--v:one--> has no partner"),
        ("a 2<!--/v-->\n", "line 1: <!--/v--> has no partner"),
        ("a <!--v:two-->2<!--/v-->\n", "line 1: nothing makes 'two'"),
        ("<!-- generated: two -->\n<!-- end: two -->\n", "line 1: nothing makes 'two'"),
        ("a\n  - <!--v:one-->2<!--/v-->\n", "line 2: a value must not begin a line or an item"),
    ],
)
def test_marks_that_cannot_be_filled_are_refused(text: str, problem: str) -> None:
    known = {"one": "1"}
    with pytest.raises(marks.MarkError, match=f"^{re.escape(problem)}$"):
        marks.filled(text, known.__getitem__, known.__getitem__)


def test_a_mark_that_nothing_makes_is_named_with_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("Text.\nIt is <!--v:mood.nothing-->1<!--/v-->.\n", encoding="utf-8")
    with pytest.raises(marks.MarkError, match=r"^page\.md, line 2: nothing makes 'mood\.nothing'$"):
        pages.current(page)


def test_a_result_is_outdated_once_a_number_of_its_card_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "STAMPS", tmp_path / "cards.json")
    assert results.outdated() == []
    assert results.missing() == list(results.FOLLOWED)
    for name in results.FOLLOWED:
        results.stamp(name)
    assert results.outdated() == results.missing() == []
    load = results.load_card

    def changed(key: str) -> object:
        card = load(key)
        if key != "session":
            return card
        entry = card.entry("hill")
        return card.with_entries(entry.replace(value=entry.value * 1.001))

    monkeypatch.setattr(results, "load_card", changed)
    assert results.outdated() == ["mood-beside", "session-firmness"]


def test_the_command_names_a_page_that_is_not_current_and_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    old = "By hand.\n\n<!-- generated: mood-notes -->\nOld.\n<!-- end: mood-notes -->\n\nMore.\n"
    page.write_text(old, encoding="utf-8")
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.setattr(pages, "pages", lambda: [page])
    monkeypatch.setattr(sys, "argv", ["pages.py", "--check"])
    assert pages.main() == 1
    assert capsys.readouterr().out.endswith("page.md is not current: make pages\n")
    assert page.read_text(encoding="utf-8") == old
    monkeypatch.setattr(sys, "argv", ["pages.py"])
    assert pages.main() == 0
    text = page.read_text(encoding="utf-8")
    assert text == old.replace("Old.", _module("mood_equations").notes())
    monkeypatch.setattr(sys, "argv", ["pages.py", "--check"])
    assert pages.main() == 0


def test_the_command_names_results_that_there_are() -> None:
    asked = [sys.executable, str(MAKERS / "pages.py"), "--recompute", "nothing"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no result is called 'nothing'; there are: " in done.stderr


# Kept results, computed again


@pytest.mark.calibration
@pytest.mark.parametrize("name", ["mood-unseen", "session-firmness"])
def test_a_kept_result_is_what_is_computed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {path.name: results.read(path.stem) for path in results.KEPT.glob("*.csv")}
    monkeypatch.setattr(results, "KEPT", tmp_path)
    pages.RESULTS[name]()
    made = list(tmp_path.glob("*.csv"))
    assert made
    for path in made:
        new, old = results.read(path.stem), kept[path.name]
        assert new.columns == old.columns
        for column in new.columns:
            if new[column].dtype.is_float():
                assert new[column].to_list() == pytest.approx(
                    old[column].to_list(), rel=0.01, abs=0.01, nan_ok=True
                )
            else:
                assert new[column].to_list() == old[column].to_list()
