"""Citations print what was confirmed, and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.evidence import bibtex, cite, load_sources, read_sources, source
from ketasim.evidence.bibliography import bibtex_entry, escape

HEADER = "key,authors,year,title,venue,doi,pmid_or_pmcid,nct,url,kind,metadata_note\n"


def parse(text: str) -> dict[str, tuple[str, dict[str, str]]]:
    """A small BibTeX parser: entries of braced fields, refusing anything else."""
    entries: dict[str, tuple[str, dict[str, str]]] = {}
    position = 0
    head = re.compile(r"\s*@(\w+)\{([^\s,{}]+),")
    name = re.compile(r"\s*(\w+)\s*=\s*\{")
    while text[position:].strip():
        match = head.match(text, position)
        assert match, text[position : position + 80]
        kind, key = match.groups()
        assert key not in entries
        position, fields = match.end(), {}
        while not (end := re.compile(r"\s*\}").match(text, position)):
            field = name.match(text, position)
            assert field, text[position : position + 80]
            start = position = field.end()
            depth = 1
            while depth:
                letter = text[position]
                if letter == "\\" and text[position + 1] in "{}":
                    position += 2
                    continue
                depth += (letter == "{") - (letter == "}")
                position += 1
            assert field[1] not in fields
            fields[field[1]] = text[start : position - 1]
            comma = re.compile(r"\s*,").match(text, position)
            assert comma, "fields end with a comma"
            position = comma.end()
        entries[key] = (kind, fields)
        position = end.end()
    return entries


def test_bibtex_of_every_source_parses() -> None:
    entries = parse(bibtex(load_sources()))
    assert entries.keys() == load_sources().keys()
    for kind, fields in entries.values():
        assert kind in ("article", "misc", "phdthesis")
        assert kind != "article" or "journal" in fields
        assert fields, "an entry says something"
        for name, text in fields.items():
            assert text.strip(), name
            if name != "url":
                assert not re.search(r"(?<!\\)[%&#_$]", text), text


def test_no_field_that_could_not_be_confirmed_is_printed() -> None:
    entries = parse(bibtex(load_sources()))
    for key, (_, fields) in entries.items():
        if source(key).metadata_note:
            assert not fields.keys() & {"author", "title", "year", "journal"}, key
        printed = " ".join(fields[name] for name in fields if name != "note")
        assert not re.search(r"not (shown|seen|in seen)|brief\)|per task", printed), key
        assert re.fullmatch(r"(19|20)\d\d", fields.get("year", "2000")), key


def test_a_full_entry() -> None:
    kind, fields = parse(bibtex(["flint2017"]))["flint2017"]
    assert kind == "article"
    assert fields["author"].startswith("Flint, R. B. and Brouwer, C. N. M. and ")
    expected = {"volume": "27", "number": "11", "pages": "1098-1107", "year": "2017"}
    assert expected.items() <= fields.items()
    assert fields["doi"] == "10.1111/pan.13239"


@pytest.mark.parametrize(
    ("authors", "printed"),
    [
        ("Riva-Posse P; Reiff CM", "Riva-Posse, P. and Reiff, C. M."),
        ("van der Schrier R, Aarts L et al.", "van der Schrier, R. and Aarts, L. and others"),
        ("Flynn A; et al.; Doe J", "Flynn, A. and Doe, J. and others"),
        ("Zarate CA Jr; et al. (others not shown)", "Zarate, Jr, C. A. and others"),
        ("Doe J (corresponding; other authors not shown in the excerpt)", "Doe, J. and others"),
        ("American Society of Anesthesiologists", "{American Society of Anesthesiologists}"),
        ("Hall & Oates_1", "{Hall \\& Oates\\_1}"),
        ("Hornik; Pediatric Trial Network", "{Hornik} and {Pediatric Trial Network}"),
        ("(authors not shown)", None),
        ("not shown", None),
        ("Singh B et al. (authors not in seen text)", None),
        ("(Takahashi et al.)", None),
    ],
)
def test_authors(authors: str, printed: str | None) -> None:
    (entry,) = read_sources(f'{HEADER}k,"{authors}",2020,T,J,,,,,article,\n')
    assert parse(bibtex_entry(entry))["k"][1].get("author") == printed


@given(st.text(alphabet="ab{}\\%&#_$~^<> \n", max_size=20))
def test_any_text_is_escaped_into_balanced_braces(text: str) -> None:
    entries = parse("@misc{k,\n  title = {" + escape(text) + "},\n}\n")
    assert list(entries) == ["k"]


def test_an_unknown_source_suggests_the_near_one() -> None:
    with pytest.raises(InputError, match="did you mean 'perezruixo2021'"):
        source("perezruix2021")
    with pytest.raises(InputError, match="ketasim evidence list"):
        cite(["qqqqqqqq"])


def test_plain_references() -> None:
    lines = cite(["otto2021", "fanta2015", "otto2021"]).splitlines()
    assert [line.split("]")[0] for line in lines] == ["[otto2021", "[fanta2015"]
    for key in load_sources():
        line = cite([key])
        assert "\n" not in line
        assert line != f"[{key}] "


def test_links_lead_somewhere() -> None:
    for entry in load_sources().values():
        link = entry.link()
        assert link == "" or re.fullmatch(r"https?://\S+", link), entry.key
        assert not link.endswith("...")
