"""Published results replayed, and every claim of the package put to the test: `validate`."""

from typing import TYPE_CHECKING

from ketasim._base.rooms import opened
from ketasim.validation.session_checks import (
    SessionCheck,
    session_checks,
)

if TYPE_CHECKING:
    from ketasim.validation.claims.areas import AREAS, USES, Area, Use
    from ketasim.validation.claims.claim import Claim
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
    from ketasim.validation.result import Summary, Validation
    from ketasim.validation.run import validate
    from ketasim.validation.visits import (
        VisitCheck,
        visit_checks,
        visit_table,
    )

__all__ = [
    "AREAS",
    "USES",
    "Area",
    "Claim",
    "MechanismCheck",
    "ReplayRow",
    "SessionCheck",
    "Summary",
    "Use",
    "Validation",
    "VisitCheck",
    "mechanism_checks",
    "mechanism_table",
    "replay",
    "replay_all",
    "session_checks",
    "validate",
    "visit_checks",
    "visit_table",
]

__getattr__ = opened(
    __name__,
    {
        "AREAS": "claims.areas",
        "USES": "claims.areas",
        "Area": "claims.areas",
        "Use": "claims.areas",
        "Claim": "claims.claim",
        "Summary": "result",
        "Validation": "result",
        "validate": "run",
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
