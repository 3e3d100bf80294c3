"""What a table gives is not drawn; what it says of doses and a model does not read is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ketasim
from ketasim._base import InputError
from ketasim.models import pk

quiet = pytest.mark.filterwarnings("ignore::ketasim._base.KetasimWarning")


@quiet
@pytest.mark.parametrize("by", ["call", "column"])
@pytest.mark.parametrize("name", ["own", "reference"])
def test_what_is_given_is_not_drawn(name: str, by: str) -> None:
    """Before, own models drew around it and those that ship did not."""
    own = name == "own"
    model: Any = (
        replace(
            pk.one_compartment(),
            parameters=(
                pk.Parameter("CL", 2.0, sd_log=0.4, rse=20),
                pk.Parameter("V", 10.0, sd_log=0.3),
            ),
        )
        if own
        else name
    )
    given = {"V": 12.0} if own else {"CLint": 300.0}
    table: dict[str, Any] = {"ID": [1, 1], "TIME": [0, 3], "AMT": [9, 0], "ROUTE": ["im", ""]}
    if by == "column":
        table |= {one: [value] * 2 for one, value in given.items()}
    found = ketasim.predict(model, table, n=20, parameters=given if by == "call" else None)
    assert any(text == f"{next(iter(given))} given, and not drawn" for text in found.notes)
    drawn = found.outputs[0].drawn
    assert drawn is not None and np.unique(drawn[:, 1]).size == 20
    if own:  # at the bolus, the concentration is the dose over the volume that was given
        assert drawn[:, 0] == pytest.approx(1000 * 9 / 12, rel=1e-12)
    if own:
        with pytest.raises(InputError, match=r"^n: no parameter has a spread; CL, V given, and"):
            ketasim.predict(model, table | {"CL": [2, 2], "V": [12, 12]}, n=5)
    table.pop("CLint", None)
    if not own:
        with pytest.raises(InputError, match=r"^CLint: the table has no such column, but 'CLINT'"):
            ketasim.predict(model, {**table, "CLINT": [300.0] * 2})


@quiet
def test_ids_that_are_one_number_are_one_subject() -> None:
    """Before, the dose went to subject 1, and subject 1.0 was predicted without any."""
    model = pk.one_compartment().with_values({"CL": 2, "V": 10})
    table = {"ID": ["1", "1.0", "01"], "TIME": [0, 1, 2], "AMT": [5, 0, 0]}
    found = ketasim.predict(model, table)
    assert found.table()["CP"].to_numpy() == pytest.approx(500 * np.exp([0, -0.2, -0.4]))
    assert "1 and 1.0 in ID are one subject" in found.notes
    assert found.subjects == 1
    words = {**table, "ID": ["P1", "P01", "P01"]}
    assert ketasim.predict(model, words).subjects == 2


@quiet
@pytest.mark.parametrize(
    ("columns", "line"),
    [
        ({"cl": [5, 5]}, "CL: the table has no such column, but 'cl'; name it CL"),
        ({"F1": [0.5, 1]}, "F1: F of doses that no compartment of the model uses; give it to one"),
        ({"ALAG1": [2, 0]}, "ALAG1: lag of doses that no compartment of the model uses"),
        ({"TAU": [12, 0]}, "TAU: looks like II and is not read; say it in II"),
        ({"NDOSES": [3, 0]}, "NDOSES: looks like ADDL and is not read"),
        ({"SALT": ["HCl", ""]}, "SALT: 'HCl': an amount of a salt is not turned into base"),
        ({"AMT": [9, 9], "ROUTE": ["iv", "oral"]}, "ROUTE in row 2: 'oral' and 'iv' both go into"),
        (
            {"AMT": [9, 9], "DRUG": ["ketamine", "midazolam"]},
            "DRUG in row 2: 'midazolam' and 'ketamine' both go into the compartment central",
        ),
    ],
)
def test_what_would_change_a_dose_and_is_not_read_is_refused(
    columns: dict[str, list[Any]], line: str
) -> None:
    """Before, such a column was brought along, and the dose given as if it were not there."""
    model = pk.one_compartment().with_values({"CL": 2, "V": 10})
    table = {"ID": [1, 1], "TIME": [0, 1], "AMT": [9, 0], **columns}
    with pytest.raises(InputError) as caught:
        ketasim.predict(model, table)
    assert str(caught.value).startswith(line)
    nothing = {name: [1 if name == "F1" else None] * 2 for name in columns if name != "AMT"}
    if "cl" not in columns:
        ketasim.predict(model, table | {"AMT": [9, 0]} | nothing)


@quiet
def test_amounts_become_those_of_the_model() -> None:
    one = pk.one_compartment().with_values({"CL": 2, "V": 10})
    table = {"ID": [1, 1], "TIME": [0, 1], "AMT": [5, 0], "AMTU": ["mg", ""]}
    in_mg = ketasim.predict(one, table).table()["CP"].to_numpy()
    out = tuple(replace(o, expression="central/V", unit="µg/L") for o in one.outputs)
    counted = replace(one, amount="µg", outputs=out)
    found = ketasim.predict(counted, table)
    assert found.table()["CP"].to_numpy() == pytest.approx(in_mg)
    assert any("turned into µg" in text for text in found.notes)
