"""Attacks: what is shown to a network in place of held-out images.

There is an attack a module, found by its name in the configuration. The first line of its docstring is its
idea, which the leaderboard prints. A module has

    TITLE : its name, as tables, figures and pages print it
    REFERENCE : authors, year and link of its paper; "" where it has none
    ENVIRONMENT : the file of `envs/`, without its ending, that has what it imports
    OPTIONS : its options, a JSON Schema for each name; all are required
    attack(network, x, y, *, batch_size, **options) : takes a network that returns logits, images, float32
        [n, c, h, w] in [0, 1], and their true labels, int64 [n]; returns the attacked images, likewise

All but the function are literals, since the configuration is checked where the libraries are not installed.
None is targeted and none draws at random.
"""

import os

# foolbox imports GitPython for its model zoo, which refuses to be imported where no git is on the PATH.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
