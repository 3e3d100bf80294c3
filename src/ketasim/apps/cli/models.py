"""`ketasim models`: the equation sheets and their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cyclopts import App

from ketasim.apps.cli.console import AsJson, example, print_json, print_table

if TYPE_CHECKING:
    from ketasim.evidence import Card, Entry
    from ketasim.models import LinearModel

models_app = App(
    name="models",
    help="List the pharmacokinetic models, or show one.",
    help_epilogue=example("models show reference"),
)


@models_app.default
def list_models(*, as_json: AsJson = False) -> None:
    """List the pharmacokinetic models."""
    from ketasim.models import MODELS

    rows = [_row(model) for model in MODELS.values()]
    if as_json:
        print_json({"models": rows})
        return
    header = ("model", "routes", "analytes", "sites", "title")
    print_table(
        header,
        [
            (
                str(row["model"]),
                " ".join(row["routes"]),
                " ".join(row["analytes"]),
                " ".join(row["sites"]),
                str(row["title"]),
            )
            for row in rows
        ],
    )


@models_app.command(help_epilogue=example("models show reference"))
def show(name: str, /, *, as_json: AsJson = False) -> None:
    """Show the equation sheet of a model, and its numbers with unit, grade and source.

    Parameters
    ----------
    name
        Name of the model, such as reference.
    """
    from ketasim._base import InputError, near
    from ketasim.evidence import card_keys, cite, load_card, load_sources, show
    from ketasim.models import MODELS

    if name not in MODELS:
        raise InputError("model", f"unknown '{name}'", near(name, MODELS))
    model = MODELS[name]
    card = load_card(name) if name in card_keys() else None
    if as_json:
        views = [view.to_dict() for view in show(name)] if card is not None else []
        cards = [view for view in views if view["kind"] == "card"]
        print_json({**_row(model), "equations": model.describe(), "card": (cards or [None])[0]})
        return
    print(model.describe())
    if card is None:
        print("\nNo card contains parameters for this model.")
        return
    print(f"\nParameters ({card.title}; {card.population}; card {card.hash[:12]})")
    print_table(*card_rows(card))
    known = load_sources()
    print("\nSources")
    print(cite([key for key in card.sources() if key in known]))


def card_rows(card: Card) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows of a card's parameters as text."""
    header = ("symbol", "value", "unit", "uncertainty", "between patients", "grade", "source")
    return header, [
        (
            entry.symbol,
            f"{entry.value:.4g}",
            entry.unit,
            _uncertainty(entry),
            "" if entry.iiv is None else f"{entry.iiv.kind} SD {entry.iiv.sd:.3g}",
            entry.grade,
            _whence(entry),
        )
        for entry in card.entries.values()
    ]


def _whence(entry: Entry) -> str:
    from ketasim.evidence import source_name, with_source_names

    name, locator = source_name(entry.source), with_source_names(entry.locator)
    # a name may say the place already, as that of a monograph does
    place = "" if locator.lower() in name.lower() else locator
    return " ".join(filter(None, (name, place))) or "no source"


def _uncertainty(entry: Entry) -> str:
    if entry.low is not None and entry.high is not None:
        return f"{entry.low:.3g} to {entry.high:.3g}"
    return "" if entry.rse is None else f"RSE {entry.rse:.3g}%"


def _row(model: LinearModel) -> dict[str, str | list[str]]:
    return {
        "model": model.name,
        "title": model.title,
        "source": model.source,
        "routes": list(model.routes),
        "analytes": list(model.analytes),
        "sites": list(model.sites),
    }
