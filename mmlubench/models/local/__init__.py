"""Models in this very process: weights from a folder or the hub, loaded by transformers, with no server between."""
