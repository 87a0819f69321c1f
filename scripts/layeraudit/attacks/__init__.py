"""Attacks on inputs: those of the literature, and those on layers and on neighbours."""
