"""From a name on the command line to a `ModelSpec`: models.yaml, presets of clients, prices, keys."""
