"""Names of models: from a name on the command line to a `ModelSpec`, by models.yaml, presets, prices and keys."""
