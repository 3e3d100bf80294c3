"""Scores typed as lines, or pasted from a spreadsheet."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim import InputError
from ketasim.interop.pasted import read_pasted, written

SCALES = {"MADRS": 60, "PHQ9": 27, "HDRS17": 52, "QIDS": 27}


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("0 PHQ-9 21", {"day": 0, "scale": "PHQ9", "score": 21}),
        ("day 3: phq 9 14/27", {"day": 3, "scale": "PHQ9", "score": 14}),
        ("-2, MADRS, 33 points", {"day": -2, "scale": "MADRS", "score": 33}),
        ("2026-01-05 MADRS 33", {"date": "2026-01-05", "scale": "MADRS", "score": 33}),
        ("5.1.2026 MADRS 33", {"date": "2026-01-05", "scale": "MADRS", "score": 33}),
        ("05.01.26 9:30 MADRS 3", {"time": "2026-01-05 09:30", "scale": "MADRS", "score": 3}),
        ("13 Jan 2026\tHAM-D 17\t20", {"date": "2026-01-13", "scale": "HDRS17", "score": 20}),
        ("2026-01-05 14:30 QIDS-SR 9", {"time": "2026-01-05 14:30", "scale": "QIDS", "score": 9}),
        ("7 QIDS 12 after 4 h", {"day": 7, "scale": "QIDS", "score": 12, "after": "4 h"}),
        ("36 h MADRS 20", {"time": "36 h", "scale": "MADRS", "score": 20}),
    ],
)
def test_a_line_is_a_score(line: str, entry: dict[str, Any]) -> None:
    assert read_pasted(line).entries == (entry,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3 PHQ-9", "no score is at its end"),
        ("3 14", "no scale is named"),
        ("PHQ-9 14", "no day is given"),
        ("3 HAM-D 14", "say which of its lengths"),
        ("0 PHQ-9 21\n\nsoon PHQ-9 4", "line 3, 'soon PHQ-9 4'"),
        ("05/01/2026 PHQ-9 4", "2026-01-05 or 2026-05-01"),
        ("3 PHQ-9 14/60", "PHQ9 goes to 27, not to 60"),
        ("date,PHQ-9\n2026-01-05,21\n2026-01-05,12", "on the same day differs; leave the one out"),
        ("date\tPHQ-9\tketamine\n2026-01-05\t21\t40 mg", "paste the columns of dates and scores"),
    ],
)
def test_what_is_not_sure_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as told:
        read_pasted(text)
    assert told.value.field == "scores"
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_a_table_with_headings_is_read_without_names() -> None:
    found = read_pasted("Datum\tName\tPHQ-9\n13.01.2026\tSmith\t21\n16.01.2026\tSmith\t14\n")
    assert [one["date"] for one in found.entries] == ["2026-01-13", "2026-01-16"]
    assert [one["score"] for one in found.entries] == [21, 14]
    assert any("Name" in one for one in found.left_out)
    assert "Smith" not in repr(found)


def test_a_table_of_days_keeps_its_days() -> None:
    found = read_pasted("day;scale;score\n3;PHQ-9;14\n7;PHQ-9;11")
    assert [one["day"] for one in found.entries] == [3, 7]


@given(
    st.lists(
        st.tuples(
            st.integers(-20, 400),
            st.sampled_from(sorted(SCALES)),
            st.integers(0, 27),
        ),
        max_size=12,
    )
)
def test_lines_read_back(scores: list[tuple[int, str, int]]) -> None:
    entries = [{"day": day, "scale": scale, "score": score} for day, scale, score in scores]
    assert list(read_pasted(written(entries)).entries) == entries


def test_dates_in_two_orders_are_refused() -> None:
    with pytest.raises(
        InputError, match="'3/29/2026' has the month first, and '25/3/2026' the day"
    ):
        read_pasted("25/3/2026 PHQ-9 21\n3/29/2026 PHQ-9 14")
