"""Radii of attacks: what is made or shown at one of them only is at the middle one."""

from collections.abc import Iterable


def middle_radius(epsilons: Iterable[float]) -> float:
    """Return the middle one of the different radii, of two in the middle the greater."""
    radii = sorted(set(epsilons))
    return float(radii[len(radii) // 2])
