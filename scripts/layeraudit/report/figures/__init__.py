"""Figures of the student report's study."""
