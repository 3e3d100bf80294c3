"""The joint fit of the reference model to published exposures."""

from typing import TYPE_CHECKING

from ketasim._base.rooms import opened

if TYPE_CHECKING:
    from ketasim.calibration.pk.curves import (
        MeasuredCurve,
        load_curves,
    )
    from ketasim.calibration.pk.fit import (
        Compared,
        CurveCompared,
        PkFit,
        ProfileCompared,
        calibrate_pk,
        compare_pk,
    )
    from ketasim.calibration.pk.interactions import (
        InteractionRow,
        load_interactions,
    )
    from ketasim.calibration.pk.judgement import (
        Agreement,
        agreement,
        agreement_table,
    )
    from ketasim.calibration.pk.profiles import (
        PROFILES,
        Profile,
    )
    from ketasim.calibration.pk.tables import fit_table
    from ketasim.calibration.pk.training import (
        Design,
        TrainingRow,
        load_training,
    )

__all__ = [
    "PROFILES",
    "Agreement",
    "Compared",
    "CurveCompared",
    "Design",
    "InteractionRow",
    "MeasuredCurve",
    "PkFit",
    "Profile",
    "ProfileCompared",
    "TrainingRow",
    "agreement",
    "agreement_table",
    "calibrate_pk",
    "compare_pk",
    "fit_table",
    "load_curves",
    "load_interactions",
    "load_training",
]

__getattr__ = opened(
    __name__,
    {
        "MeasuredCurve": "curves",
        "load_curves": "curves",
        "Compared": "fit",
        "CurveCompared": "fit",
        "PkFit": "fit",
        "ProfileCompared": "fit",
        "calibrate_pk": "fit",
        "compare_pk": "fit",
        "InteractionRow": "interactions",
        "load_interactions": "interactions",
        "Agreement": "judgement",
        "agreement": "judgement",
        "agreement_table": "judgement",
        "PROFILES": "profiles",
        "Profile": "profiles",
        "fit_table": "tables",
        "Design": "training",
        "TrainingRow": "training",
        "load_training": "training",
    },
)
