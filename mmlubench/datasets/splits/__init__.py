"""Splits of a data set: folders of `mmlubench lab split` that a run reads, and what a model was trained on."""
