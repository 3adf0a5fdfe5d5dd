"""A benchmark run without pytest: who is asked, how, what, where it is written down, and what it amounts to."""
