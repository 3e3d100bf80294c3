"""Published numbers with their sources and grades: cards, tables, citations, linter."""

from ketasim.evidence.card import Card, write_card
from ketasim.evidence.card_entry import (
    SPREAD_TYPES,
    Entry,
    Scale,
    Spread,
    Uncertainty,
    is_positive_definite,
)
from ketasim.evidence.card_file import card_keys, load_card, read_card
from ketasim.evidence.citing.bibliography import bibtex, citation, cite_result
from ketasim.evidence.citing.sources import (
    Reference,
    Source,
    cite,
    load_sources,
    read_sources,
    source,
    source_name,
    source_names,
    with_source_names,
)
from ketasim.evidence.conditions import (
    Condition,
    Effect,
    Grading,
    condition,
    condition_names,
    studied_doses,
)
from ketasim.evidence.disagreements import Conflict, Side, conflict_topics, conflicts
from ketasim.evidence.grade import GRADES, Grade
from ketasim.evidence.grading import RowGrade, grade_row
from ketasim.evidence.linting.finding import Evidence, Finding
from ketasim.evidence.linting.linter import Waiver, lint, read_waivers, shipped, summary
from ketasim.evidence.lookup import CardView, FactView, SourceView, TrialView, list_facts, show
from ketasim.evidence.mood_training import (
    SAME_PEOPLE,
    MoodRow,
    load_mood_rows,
    load_second_rows,
)
from ketasim.evidence.prices import cost_rows
from ketasim.evidence.studied import StudiedDoses, StudiedSpan, interval_of
from ketasim.evidence.study_files import studies, study_arms
from ketasim.evidence.tables import (
    Fact,
    Reading,
    all_facts,
    fact,
    facts,
    interval,
    load_table,
    number,
    reading,
    table_names,
)

__all__ = [
    "GRADES",
    "SAME_PEOPLE",
    "SPREAD_TYPES",
    "Card",
    "CardView",
    "Condition",
    "Conflict",
    "Effect",
    "Entry",
    "Evidence",
    "Fact",
    "FactView",
    "Finding",
    "Grade",
    "Grading",
    "MoodRow",
    "Reading",
    "Reference",
    "RowGrade",
    "Scale",
    "Side",
    "Source",
    "SourceView",
    "Spread",
    "StudiedDoses",
    "StudiedSpan",
    "TrialView",
    "Uncertainty",
    "Waiver",
    "all_facts",
    "bibtex",
    "card_keys",
    "citation",
    "cite",
    "cite_result",
    "condition",
    "condition_names",
    "conflict_topics",
    "conflicts",
    "cost_rows",
    "fact",
    "facts",
    "grade_row",
    "interval",
    "interval_of",
    "is_positive_definite",
    "lint",
    "list_facts",
    "load_card",
    "load_mood_rows",
    "load_second_rows",
    "load_sources",
    "load_table",
    "number",
    "read_card",
    "read_sources",
    "read_waivers",
    "reading",
    "shipped",
    "show",
    "source",
    "source_name",
    "source_names",
    "studied_doses",
    "studies",
    "study_arms",
    "summary",
    "table_names",
    "with_source_names",
    "write_card",
]
