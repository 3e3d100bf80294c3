"""Published results replayed: models, mechanism, session effects."""

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
from ketasim.validation.session_checks import (
    SessionCheck,
    session_checks,
)

__all__ = [
    "MechanismCheck",
    "ReplayRow",
    "SessionCheck",
    "mechanism_checks",
    "mechanism_table",
    "replay",
    "replay_all",
    "session_checks",
]
