"""What `ketasim compare` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ketasim.apps.cli.answers import print_wrapped
from ketasim.apps.cli.console import print_table

if TYPE_CHECKING:
    from ketasim.planning import Comparison

_LETTERS: Final = "ABCD"
_CERTAIN: Final = {
    "studied": "studied",
    "near": "near what was studied",
    "far": "far from what was studied",
}
_SHOWN: Final = ("course", "session", "burden")


def print_comparison(result: Comparison) -> None:
    """Print the options, their numbers side by side, and the ranking that was asked for.

    **Arguments:**

    - `result`: what `compare` returned.
    """
    from ketasim.planning.certainty import overall
    from ketasim.planning.criteria import CRITERIA
    from ketasim.planning.shown import lines, ranked_words, written

    print(result.headline().title)
    letters = dict(zip(result.names, _LETTERS, strict=False))
    for option in result.options:
        word = overall(option.certainty)
        certain = f" ({_CERTAIN[word]})" if word else ""
        print_wrapped(f"{letters[option.name]}  {option.name}{certain}", "  ")
    print()
    shown = [line for group in _SHOWN for line in lines(result, group)]
    named = [f"{line.words}{f', {line.unit}' if line.unit else ''}" for line in shown]
    values = [[cell.value for cell in line.cells] for line in shown]
    gaps = [[cell.gap or cell.verdict for cell in line.cells[1:]] for line in shown]
    first, *others = letters.values()
    less = [f"{one} - {first}" for one in others]
    if len(others) == 1:
        rows = [[name, *own, *gap] for name, own, gap in zip(named, values, gaps, strict=True)]
        print_table(["", *letters.values(), *less], rows)
    else:
        print_table(["", *letters.values()], [[n, *v] for n, v in zip(named, values, strict=True)])
        print()
        print_table(["", *less], [[n, *g] for n, g in zip(named, gaps, strict=True)])
    print()
    print_wrapped(
        "In brackets: 90 % uncertainty interval of the difference, on the same virtual patients "
        "and parameter draws; of shares in percentage points."
    )
    if result.rank_by:
        chosen = CRITERIA[result.rank_by]
        print(f"By {chosen.words} ({chosen.better} is better), as asked:")
        for one, told in ranked_words(result, letters):
            value = written(chosen, one.value)
            more = f"; {told}" if told else ""
            print_wrapped(f"{one.place}. {letters[one.option]}  {one.option}: {value}{more}", "  ")
