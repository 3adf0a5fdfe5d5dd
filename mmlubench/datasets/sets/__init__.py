"""The data sets that come with mmlubench: a `Spec` each, and the subjects of MMLU."""
