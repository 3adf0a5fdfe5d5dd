"""The data sets that come with mmlubench: one `Spec` for each, and the subjects of MMLU."""
