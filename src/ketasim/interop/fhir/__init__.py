"""FHIR R4: bundles read into a course, forecasts written as RiskAssessment."""
