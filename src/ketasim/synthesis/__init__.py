"""Meta-analysis: published outcomes that compare, pooled."""

from ketasim.synthesis.pooling import (
    FEWEST_FOR_EGGER,
    FEWEST_FOR_PREDICTION,
    INTERVALS,
    MeanInterval,
    PooledEffect,
    SmallStudyCheck,
    WithoutOne,
    pool_effects,
)
from ketasim.synthesis.published import (
    comparable_studies,
    pool_comparable,
    published_pools,
)
from ketasim.synthesis.question import meta_query
from ketasim.synthesis.selection import (
    META_CONTROLS,
    META_MEASURES,
    META_METRICS,
    LeftOut,
    MetaQuery,
    MetaResult,
    MetaSelection,
    PublishedPool,
    StudyEffect,
    control_words,
    time_words,
)
from ketasim.synthesis.tables import (
    NORMAL,
    left_out_by_reason,
    left_out_table,
    meta_table,
    plain_number,
    shown,
)

__all__ = [
    "FEWEST_FOR_EGGER",
    "FEWEST_FOR_PREDICTION",
    "INTERVALS",
    "META_CONTROLS",
    "META_MEASURES",
    "META_METRICS",
    "NORMAL",
    "LeftOut",
    "MeanInterval",
    "MetaQuery",
    "MetaResult",
    "MetaSelection",
    "PooledEffect",
    "PublishedPool",
    "SmallStudyCheck",
    "StudyEffect",
    "WithoutOne",
    "comparable_studies",
    "control_words",
    "left_out_by_reason",
    "left_out_table",
    "meta_query",
    "meta_table",
    "plain_number",
    "pool_comparable",
    "pool_effects",
    "published_pools",
    "shown",
    "time_words",
]
