"""Citations print what was confirmed, and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.evidence import bibtex, cite, load_sources, read_sources, source, source_names
from ketasim.evidence.citing.bibliography import bibtex_entry, escape
from ketasim.evidence.citing.names import (
    LONGEST,
    SourceName,
    leads_with_host,
    load_source_names,
    mirror_of,
    mirrors,
    name_fault,
)
from ketasim.evidence.citing.sources import joined

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
        if not source(key).details_confirmed:
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


def test_every_source_has_a_name_fit_for_a_table() -> None:
    known = load_sources()
    for key, entry in known.items():
        assert name_fault(entry.display, known) == "", key
        assert 0 < len(entry.display) <= LONGEST, key
        assert not leads_with_host(entry.display), key
        # years are those that the bibliography states, of the source or of what it tells about
        same = [one for one in known.values() if one.document == entry.document]
        fields = [one.to_dict() | {"key": "", "display": ""} for one in same]
        written = " ".join(text for one in fields for text in one.values())
        for year in re.findall(r"\b(?:19|20)\d\d\b", entry.display):
            assert year in written, (key, year)


def test_one_name_a_document_and_one_document_a_name() -> None:
    documents: dict[str, set[str]] = {}
    for entry in load_sources().values():
        documents.setdefault(entry.display, set()).add(entry.document)
    assert [name for name, keys in documents.items() if len(keys) > 1] == []
    for entry in load_sources().values():
        assert load_sources()[entry.document].primary is None


def test_names_that_are_no_longer_needed_are_gone() -> None:
    names = load_source_names()
    assert names.keys() <= load_sources().keys()
    for key, name in names.items():
        assert name.name or name.via or name.same_as, key
        assert not (name.name and name.same_as), key
    hosts = " ".join(entry.url for entry in load_sources().values())
    assert [host for host in mirrors() if host not in hosts] == []


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("murrough2013apa", "Murrough et al., 2013, abstract, APA meeting"),
        ("coyle2015meta", "Coyle and Laws, 2015"),
        ("andrade2017", "Andrade, 2017"),
        ("vandeloo2017", "van de Loo et al., 2017"),
        ("larkin2011retracted", "Larkin and Beautrais, 2011 (retracted)"),
        ("spravatolabel2019", "FDA label of Spravato, 2019"),
        ("spravato_smpc_eu2020", "EU label (SmPC) of Spravato, 2020, section 4.4"),
        ("uptodate_esk", "Esketamine (intranasal): drug information, UpToDate, 2025"),
        ("nice_ta854", "NICE TA854, esketamine nasal spray, section 2"),
        ("jnjmed_dissoc", "Medical information on Spravato: dissociation, Johnson & Johnson, 2024"),
    ],
)
def test_names_are_those_people_cite_by(key: str, name: str) -> None:
    assert source(key).display == name


def test_a_mirror_is_the_last_word_of_a_citation() -> None:
    through = [entry for entry in load_sources().values() if entry.via]
    assert len(through) > 100
    for entry in through:
        reference = entry.reference()
        # the address of the mirror comes after the mirror, any other before it
        address = f": {reference.identifier}" if reference.mirrored else ""
        assert entry.citation.endswith(f"Read via {entry.via}{address}"), entry.key
        assert entry.via not in entry.display or entry.via == "scite.ai", entry.key
    assert "Read via medilib.ir: http" in source("uptodate_esk").citation
    # what was read as a copy has the address of its publisher
    assert source("who_atc2026").citation.endswith("/. Read via a copy on GitHub")
    assert mirror_of("http://www.120ty.net/bencandy.php?aid=58243") == "120ty.net"
    assert mirror_of("https://ch.oddb.org:443/de/gcc") == "ch.oddb.org"
    assert mirror_of("https://doi.org/10.1111/pan.13239") == ""


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        # the journal tells two papers of one year apart
        (("Doe A, Roe B, Poe C|2020|Pain 1:1|", "Doe A; et al.|2020|Cell 2:2|"), ("Pain", "Cell")),
        # where it does not, a letter does, in the order of the bibliography
        (("Doe A, Roe B, Poe C|2020|Pain 1:1|", "Doe A; et al.|2020|Pain 2:2|"), ("a", "b")),
        (("Doe A, Roe B, Poe C|2020|Pain 1:1|", "Doe A; et al.|2020||"), ("a", "b")),
        # one paper under two keys keeps one name
        (("Doe A, Roe B, Poe C|2020|Pain 1:1|10.1/x", "not shown|||10.1/x"), ("", "")),
    ],
)
def test_papers_of_one_year_are_told_apart(rows: tuple[str, str], names: tuple[str, str]) -> None:
    cells = [row.split("|") for row in rows]
    text = "".join(
        f'k{index},"{authors}",{year},T,{venue},{doi},,,,article,\n'
        for index, (authors, year, venue, doi) in enumerate(cells)
    )
    entries = joined({entry.key: entry for entry in read_sources(HEADER + text)})
    told = tuple(
        entry.display.removeprefix("Doe et al., 2020").removeprefix(", ")
        for entry in entries.values()
    )
    assert told == names


def test_what_only_a_person_can_name_has_no_name_without_one() -> None:
    rows = "k,Pfizer,2019,Ketalar,US label,,,,http://www.120ty.net/x,label,\n"
    (bare,) = read_sources(HEADER + rows)
    assert bare.display == ""
    (named,) = read_sources(HEADER + rows, {"k": SourceName("US label of Ketalar, 2019")})
    assert named.display == "US label of Ketalar, 2019"
    assert named.citation == (
        "US label of Ketalar, 2019. Read via 120ty.net: http://www.120ty.net/x"
    )


def test_several_sources_in_a_sentence_name_a_document_once() -> None:
    assert source_names(["spravatolabel2019", "spravato_pi_2019", "otto2021"]) == (
        "FDA label of Spravato, 2019; Otto et al., 2021"
    )
    assert source_names(["no_such_key"]) == "no_such_key"
