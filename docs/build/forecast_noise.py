"""The rating law of a forecast on the Hamilton scale beside the visits of a real trial."""

from __future__ import annotations

import numpy as np

from ketasim.evidence import source_name
from ketasim.forecasting.weighing.scale_error import scale_error
from ketasim.validation import visit_checks
from table import table

_SD, _R = "SD of change, ", "correlation of scores, "


def noise() -> str:
    """Return SDs of change and correlations, real and by the law with the errors of two scales."""
    more = scale_error("HDRS17").error ** 2 - scale_error("MADRS").error ** 2
    checks = [one for one in visit_checks() if one.what.startswith((_SD, _R))]
    lines: list[list[str]] = []
    inside = {"SD": 0, "correlation": 0}
    for change, relation in zip(checks[::2], checks[1::2], strict=True):
        assert change.low is not None and change.high is not None
        assert relation.low is not None and relation.high is not None
        own = float(np.sqrt(change.predicted**2 + 2.0 * more))
        # the error of the score before treatment is in all later ones
        variance = change.predicted**2 / (2.0 * (1.0 - relation.predicted))
        later = not change.what.startswith(f"{_SD}day 0 ")
        r = (relation.predicted * variance + more) / (variance + 2.0 * more)
        inside["SD"] += change.low <= own <= change.high
        cells = ["", "", ""]
        if later:
            inside["correlation"] += relation.low <= r <= relation.high
            cells = [
                f"{relation.published:.2f} ({relation.low:.2f} to {relation.high:.2f})",
                _told(r, relation.low, relation.high, ".2f"),
                f"{relation.predicted:.2f}",
            ]
        lines.append(
            [
                change.what.removeprefix(_SD),
                change.group,
                f"{change.published:.1f} ({change.low:.1f} to {change.high:.1f})",
                _told(own, change.low, change.high, ".1f"),
                f"{change.predicted:.1f}",
                *cells,
            ]
        )
    known = sum(bool(line[5]) for line in lines)
    head = (
        f"{source_name(checks[0].source)}: of {len(lines)} SDs of change {inside['SD']} of the "
        f"Hamilton law lie within the real 95 % interval, and of {known} correlations of later "
        f"visits {inside['correlation']}."
    )
    columns = ["days", "in", "SD of change, real", "Hamilton law", "MADRS law"]
    columns += ["correlation, real", "Hamilton law", "MADRS law"]
    return f"{head}\n\n{table(columns, lines)}\n"


def _told(value: float, low: float, high: float, form: str) -> str:
    text = format(value, form)
    return text if low <= value <= high else f"**{text}**"
