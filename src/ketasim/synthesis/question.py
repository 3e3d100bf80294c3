"""A question to a meta-analysis from words, as a command or a page asks it."""

from __future__ import annotations

from typing import Any, Final

from ketasim._base import InputError, parse_quantity
from ketasim.synthesis.selection import MetaQuery

_NOT_OF_EVENTS: Final = {
    "at": "events are counted over the first weeks, not at a visit",
    "within": "events are counted over the first weeks, not at a visit",
    "scale": "an event has no scale",
    "values": "events have no other form",
    "metric": "an event is a metric of its own",
}


def meta_query(event: str | None = None, **options: Any) -> MetaQuery:
    """The options as a question; what is left out keeps its default.

    **Arguments:**

    - `event`: an adverse event, pooled instead of an outcome.
    - `options`: fields of `MetaQuery`; `at` and `within` as text, such as `28 d`; nothing for what
      is left out.

    **Raises:** `InputError` when a word is unknown or does not go with the others.
    """
    if options.get("metric") == "event" and event is None:
        raise InputError("--metric", "'event' needs the name of one", "give --event with it")
    if event is not None:
        for name, problem in _NOT_OF_EVENTS.items():
            if options.get(name) is not None:
                raise InputError(f"--{name}", problem, f"leave --{name} out beside --event")
        options |= {"metric": "event", "event": event}
    for name in ("at", "within"):
        if options.get(name) is not None:
            text = _days(options[name])
            options[name] = parse_quantity(text, "h", field=f"--{name}", low=0.1, high=1e5)
    given = {name: value for name, value in options.items() if value is not None}
    query = MetaQuery(**given)
    if event is None and query.drug is None:
        # a number over all drugs and routes would be read as one of a drug
        raise InputError(
            "--drug",
            "left out, trials of different drugs, routes and ages would be pooled into one number",
            "give --drug ketamine or --drug esketamine",
        )
    return query


def _days(text: str) -> str:
    """`day 28` is 28 days."""
    head, _, number = text.strip().lower().partition(" ")
    return f"{number} d" if head == "day" and number else text
