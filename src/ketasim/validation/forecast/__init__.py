"""Whether a forecast is calibrated: patients whose truth is known, rivals, a long walk."""
