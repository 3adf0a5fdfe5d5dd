"""Exports: a run, in the formats that other tools read. `export.py` has the table of them."""
