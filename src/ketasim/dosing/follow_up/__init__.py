"""What was measured in a patient, until when, and what may follow: keys of a course."""
