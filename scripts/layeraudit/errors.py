"""A mistake of the user's, which ends a program in one sentence."""


class InputError(ValueError):
    """A mistake in what the user gave; its text is one sentence: what, where, what is allowed."""
