"""Other harnesses, asked the same questions as a run of ours; each in an environment of its own."""
