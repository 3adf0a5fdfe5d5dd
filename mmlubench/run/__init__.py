"""A benchmark run without pytest: its models, strategy and data, its files, and its figures."""
