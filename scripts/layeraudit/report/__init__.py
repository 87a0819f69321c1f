"""The study of the student report: its measures, claims and figures."""
