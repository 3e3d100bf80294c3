"""The question answered: studies chosen and pooled, with what others published beside."""

from __future__ import annotations

from ketasim.evidence import Fact, fact, facts
from ketasim.synthesis.events import select_events
from ketasim.synthesis.outcomes import select_outcomes
from ketasim.synthesis.pooling import pool_effects
from ketasim.synthesis.selection import MetaQuery, MetaResult, MetaSelection, PublishedPool

_NOT_NAMED = "not named in the tables"


def comparable_studies(query: MetaQuery) -> MetaSelection:
    """The studies of the tables that answer a question, and all that does not enter, with reasons.

    **Arguments:**

    - `query`: the question.

    **Raises:** `InputError` when a trial, scale or event is not in the tables.
    """
    return select_events(query) if query.metric == "event" else select_outcomes(query)


def pool_comparable(query: MetaQuery) -> MetaResult:
    """Choose the studies that answer a question and pool them.

    **Arguments:**

    - `query`: the question.

    **Returns:** the studies, the pooled effect (nothing when there is no study; the study's own
    when there is one), and pooled figures that others published.

    **Raises:** `InputError` when a trial, scale or event is not in the tables.
    """
    selection = comparable_studies(query)
    studies = selection.studies
    pooled = None
    if studies:
        pooled = pool_effects(
            [study.effect for study in studies],
            [study.se**2 for study in studies],
            labels=[study.label for study in studies],
            interval=query.interval,
        )
    return MetaResult(selection, pooled, published_pools(query))


def published_pools(query: MetaQuery) -> tuple[PublishedPool, ...]:
    """Pooled figures of others on the same metric, drug and time; see `pooled_published`.

    **Arguments:**

    - `query`: the question.

    **Returns:** each with what keeps it apart from the studies here.
    """
    found: list[PublishedPool] = []
    for choice in facts("pooled_published"):
        if choice.get("metric") != query.metric or not _same_time(choice, query):
            continue
        if query.drug is not None and choice.get("drug") not in (query.drug, "both"):
            continue
        if choice.get("event").lower() != (query.event or "").strip().lower():
            continue
        ids = choice.listed("fact")
        members = choice.get("members")
        found.append(
            PublishedPool(
                facts=ids,
                source=choice.source,
                measure=choice.get("measure"),
                scale=choice.get("scale"),
                time=float(choice.get("at_h")) if choice.get("at_h") else None,
                text=" against ".join(_figure(fact(one)) for one in ids),
                members=() if members == _NOT_NAMED else tuple(members.split(";")),
                comparable=choice.get("comparable") == "yes",
                why=choice.get("why"),
            )
        )
    return tuple(found)


def _same_time(choice: Fact, query: MetaQuery) -> bool:
    text = choice.get("at_h")
    first, last = query.window
    return not text or query.metric == "event" or first <= float(text) <= last


def _figure(row: Fact) -> str:
    """A published figure as its row prints it."""
    if row.table == "acute/label_adverse_events":
        people = f" of {row.get('n')}" if row.get("n") else ""
        others = f" of {row.get('comparator_n')}" if row.get("comparator_n") else ""
        note = f"; {row.get('timing_note')}" if row.get("timing_note") else ""
        shares = f"{row.get('percent')} %{people}", f"{row.get('comparator_percent')} %{others}"
        return " against ".join(shares) + note
    if row.table == "acute/acute_observed":
        spread = f" ({row.get('spread_type')} {row.get('spread')})" if row.get("spread") else ""
        return f"{row.get('value')} {row.get('unit')}{spread}"
    low, high = row.get("ci_low"), row.get("ci_high")
    interval = f" ({low} to {high})" if low and high else ""
    percent = " %" if row.get("metric").endswith("_pct") else ""
    people = f" of {row.get('n_at_time')}" if row.get("n_at_time") else ""
    return f"{row.get('value')}{percent}{interval}{people}"
