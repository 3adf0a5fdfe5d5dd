"""A benchmark of the user's own, described by a YAML file: its keys, and its rows as questions."""
