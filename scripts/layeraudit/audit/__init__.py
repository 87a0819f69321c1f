"""Audits: which rows of a given data set are suspicious to a given network, and how sure that is."""
