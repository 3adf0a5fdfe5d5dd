"""The store of replies: one SQLite file for all runs, which is both cache and resume."""

#: The file's name where the user gives none: beside the runs, or in the folder of an experiment's results.
NAME = "store.sqlite"
