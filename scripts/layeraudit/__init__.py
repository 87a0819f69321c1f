"""Judge a neural network by the neighbours that its inputs have in every layer."""
