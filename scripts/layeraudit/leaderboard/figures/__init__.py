"""Figures of the leaderboard."""
