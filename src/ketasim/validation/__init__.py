"""Published results replayed: models, mechanism, session effects."""

from typing import TYPE_CHECKING

from ketasim._base.rooms import opened
from ketasim.validation.session_checks import (
    SessionCheck,
    session_checks,
)

if TYPE_CHECKING:
    from ketasim.validation.mechanism import (
        MechanismCheck,
        mechanism_checks,
        mechanism_table,
    )
    from ketasim.validation.replays import (
        ReplayRow,
        replay,
        replay_all,
    )
    from ketasim.validation.visits import (
        VisitCheck,
        visit_checks,
        visit_table,
    )

__all__ = [
    "MechanismCheck",
    "ReplayRow",
    "SessionCheck",
    "VisitCheck",
    "mechanism_checks",
    "mechanism_table",
    "replay",
    "replay_all",
    "session_checks",
    "visit_checks",
    "visit_table",
]

__getattr__ = opened(
    __name__,
    {
        "MechanismCheck": "mechanism",
        "mechanism_checks": "mechanism",
        "mechanism_table": "mechanism",
        "ReplayRow": "replays",
        "replay": "replays",
        "replay_all": "replays",
        "VisitCheck": "visits",
        "visit_checks": "visits",
        "visit_table": "visits",
    },
)
