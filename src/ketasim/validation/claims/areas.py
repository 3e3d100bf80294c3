"""Areas that claims belong to, and the uses that rest on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ketasim.validation.claims import (
    analyses,
    forecasts,
    moods,
    pharmacokinetics,
    sessions,
    solvers,
)
from ketasim.validation.claims.claim import Claim

Progress = Callable[[str], None] | None


@dataclass(frozen=True)
class Area:
    """A group of claims that are found together.

    **Arguments:**

    - `key`, `title`: name. `tests`: what it tests, in a sentence.
    - `kind`: of ICH M15: `verification` (the code computes what the model says) or `validation`
      (the model says what happens).
    - `claims`: finds them, told where it is.
    """

    key: str
    title: str
    tests: str
    kind: str
    claims: Callable[[Progress], Iterable[Claim]]


@dataclass(frozen=True)
class Use:
    """A use of ketasim, as ICH M15 asks it to be described.

    **Arguments:**

    - `key`, `title`: name. `question`: of interest. `context`: of use.
    - `influence`: of the model on the decision. `consequence`: of a wrong decision. Both are
      proposals for the reader to change: what rests on the model is theirs to say.
    - `areas`: keys of those that bear on it. `outside`: where it does not apply.
    """

    key: str
    title: str
    question: str
    context: str
    influence: str
    consequence: str
    areas: tuple[str, ...]
    outside: str


AREAS: Final = (
    Area(
        "solvers",
        "Solvers",
        "The engine computes what independent solvers compute from the same equations.",
        "verification",
        lambda _: solvers.solvers(),
    ),
    Area(
        "analyses",
        "Analyses of trials",
        "Mixed models, imputation by its mean, shares and boundaries give the numbers of SAS, of "
        "R packages and of published tables.",
        "verification",
        lambda _: analyses.analyses(),
    ),
    Area(
        "forecasts",
        "Forecasts of simulated patients",
        "Later scores of simulated patients lie in the bands as often as the bands say.",
        "verification",
        forecasts.forecasts,
    ),
    Area(
        "replays",
        "Published pharmacokinetic models",
        "Each published model gives the numbers of its own paper and of its neighbours.",
        "verification",
        lambda _: pharmacokinetics.replays(),
    ),
    Area(
        "exposures",
        "Reference pharmacokinetic model",
        "The model that simulations use, beside every published exposure.",
        "validation",
        lambda _: pharmacokinetics.exposures(),
    ),
    Area(
        "interactions",
        "Interactions",
        "Exposures with and without another medicine.",
        "validation",
        lambda _: pharmacokinetics.interactions(),
    ),
    Area(
        "sessions",
        "Effects of a session",
        "Dissociation, sedation, blood pressure and what patients report.",
        "validation",
        lambda _: sessions.sessions(),
    ),
    Area(
        "mechanism",
        "Mechanism",
        "Receptor, glutamate and synapses beside published time courses, mostly of animals.",
        "validation",
        lambda _: moods.mechanism(),
    ),
    Area(
        "unseen",
        "Mood in trials not seen",
        "Each trial predicted from all others: changes of arms, and differences between arms.",
        "validation",
        moods.unseen,
    ),
    Area(
        "visits",
        "Ratings at several visits",
        "How ratings of the same patients vary, and what an early response tells.",
        "validation",
        lambda _: moods.visits(),
    ),
    Area(
        "early",
        "Early response in forecasts",
        "What the forecast makes of an early score, beside published tables.",
        "validation",
        forecasts.early,
    ),
)
"""All areas, verification first."""

USES: Final = (
    Use(
        "regimens",
        "Compare regimens",
        "How do exposure, session and course differ between these regimens in such patients?",
        "Groups of patients with depression, regimens near those that were studied; differences on "
        "the same virtual patients.",
        "One source among others: beside trials, labels and experience.",
        "A regimen that works less well, or longer sessions than needed; patients are monitored.",
        ("solvers", "replays", "exposures", "sessions", "mechanism", "unseen"),
        "Regimens, routes and months of treatment that nobody studied; drugs of other kinds.",
    ),
    Use(
        "trial",
        "Design a trial",
        "What would this trial show, and how many patients does it take?",
        "Parallel arms, crossover and withdrawal with scores at visits; power over the uncertainty "
        "of the model and between trials.",
        "Supports the size and the design beside published trials of the kind.",
        "A trial too small or too large: money, time, patients treated without an answer.",
        ("solvers", "analyses", "exposures", "sessions", "unseen", "visits"),
        "Populations without a trial in the evidence; endpoints other than the scales.",
    ),
    Use(
        "forecast",
        "Forecast one patient",
        "Given the scores so far, what may the next weeks look like?",
        "One adult with depression under ketamine or esketamine, by a professional who knows the "
        "patient.",
        "Informs a conversation; the patient's own course decides.",
        "A session too early or too late; relapse that is seen at the next visit.",
        ("solvers", "forecasts", "unseen", "visits", "early"),
        "Other disorders, adolescents, stopping after months of treatment.",
    ),
    Use(
        "screen",
        "Screen a patient",
        "Which conditions, medicines and values matter before a session?",
        "Rules of labels and consensus with their sources, exposure with interacting medicines, "
        "pressure against limits.",
        "A checklist beside the clinician's own; unknown counts as present.",
        "Harm in a session: the limits are the labels', and what is unknown is named.",
        ("exposures", "interactions", "sessions"),
        "What no label or statement names; children; pregnancy beyond the label.",
    ),
)
"""The four uses of ketasim."""
