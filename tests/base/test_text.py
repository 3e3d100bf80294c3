"""No text of a user acts on a terminal."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import fitting, visible


@given(st.text(st.characters(), max_size=40))
def test_nothing_visible_controls(text: str) -> None:
    shown = visible(text)
    controls = {sign for sign in shown if unicodedata.category(sign) in ("Cc", "Cs")}
    assert controls <= {"\n", "\t"}
    assert not {unicodedata.bidirectional(sign) for sign in shown} & {
        "LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI",
    }  # fmt: skip
    assert visible(shown) == shown


def test_the_escape_is_shown_by_its_number() -> None:
    assert visible("a\x1b[2Jb\x9b1m\u202ec\ud83d") == "a\\x1b[2Jb\\x9b1m\\u202ec\\ud83d"


@given(st.text(max_size=40), st.sampled_from(["ascii", "latin-1", "cp1252", "utf-8"]))
def test_every_encoding_takes_what_fits(text: str, encoding: str) -> None:
    fitting(visible(text), encoding).encode(encoding)


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_what_fits_stays(text: str) -> None:
    assert fitting(text, "latin-1") == text


def test_signs_that_are_missing_become_plainer() -> None:
    assert fitting("1.5 – 2 µg ≥ “x”", "latin-1") == '1.5 - 2 µg >= "x"'
    assert fitting("→", "latin-1") == "\\u2192"
    assert fitting("–", "no such encoding") == "-"
