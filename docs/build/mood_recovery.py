"""What comes back of the numbers of the card `mood` when its data are simulated and fitted."""

from __future__ import annotations

from ketasim.calibration.mood import recover_mood, recovery_table
from ketasim.calibration.mood.recovery import PATIENTS, STEPS
from results import OUT, keep, kept, read, tell
from table import table

RESULT = "mood-recovery"
DATA_SETS = 20


def compute() -> None:
    """Simulate and fit back twenty times; ten minutes, taken up where it was left."""
    recovery = recover_mood(replicates=DATA_SETS, kept=OUT / f"{RESULT}.jsonl", progress=tell)
    keep(RESULT, recovery_table(recovery))


def recovery() -> str:
    """Return the section of what was kept."""
    if not kept(RESULT):
        return "Not computed yet: `make judge`."
    rows = read(RESULT).to_dicts()
    free = [row for row in rows if row["recovered"] is not None]
    good = sum(row["recovered"] for row in free)
    inside = sum(row["coverage"] for row in free) / len(free)
    head = (
        f"{DATA_SETS} data sets, each fitted back with {PATIENTS} virtual patients an arm in at "
        f"most {STEPS} steps. {good} of {len(free)} free numbers come back; 95 % intervals hold "
        f"the truth in {100 * inside:.0f} %."
    )
    columns = ["symbol", "unit", "scale", "truth", "SD of truths", "mean estimate", "SD"]
    columns += ["bias", "in 95 % interval", "correlation", "SD ratio", "recovered"]
    lines = [
        [
            f"`{row['symbol']}`",
            row["unit"],
            row["scale"],
            f"{row['truth']:.3g}",
            f"{row['truth_sd']:.2g}",
            f"{row['mean']:.3g}",
            f"{row['sd']:.2g}",
            f"{row['bias']:+.2f}",
            "" if row["coverage"] is None else f"{100 * row['coverage']:.0f} %",
            "" if row["correlation"] is None else f"{row['correlation']:.2f}",
            "" if row["shrinkage"] is None else f"{row['shrinkage']:.2f}",
            _verdict(row["recovered"]),
        ]
        for row in rows
    ]
    foot = "\n".join(f"- `{row['symbol']}`: {row['why']}." for row in free if row["why"])
    lost = f"\nNot recovered, and why:\n\n{foot}\n" if foot else ""
    return f"{head}\n\n{table(columns, lines)}\n{lost}"


def _verdict(recovered: bool | None) -> str:
    return "" if recovered is None else "yes" if recovered else "**no**"
