"""The store of replies: one SQLite file for all runs, which is both cache and resume."""
