"""What a worker does for the page: run a trial, and make all that is shown and downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

WORK: Final = "ketasim.apps.web.trial.work:run_design"
"""The function below, as jobs take it."""

WARM: Final = "ketasim.apps.web.trial.work:warm"
"""What loads all that the first run needs."""

COMMAND: Final = "ketasim trial trial.yaml --out out/trial"
"""What computes the same from the file that is downloaded."""


def run_design(content: Mapping[str, Any], yaml: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Run a trial.

    **Arguments:**

    - `content`: of its file. `yaml`: the same as text.

    **Returns:** the files that a run can be taken along as, and the answer as a part of a page.

    **Raises:** `InputError` when it cannot be used.
    """
    from ketasim.reports.trial import trial_answer
    from ketasim.trials import run_trial

    result = run_trial(dict(content))
    files = {
        **result.files(command=COMMAND),
        "trial.yaml": yaml.encode(),
        "result.json": result.to_json().encode(),
    }
    return files, {"html": trial_answer(result), "title": result.headline().title}


def warm() -> tuple[dict[str, bytes], dict[str, Any]]:
    """Run a trial of a few patients, so that the first that is asked for need not wait."""
    from ketasim.apps.web.trial.design import FIRST, shipped_design

    run_design(shipped_design(FIRST) | {"replicates": 1}, "")
    return {}, {}
