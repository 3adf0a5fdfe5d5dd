"""The page `report.html`: one file with all figures and questions of one or more runs, to be opened from disk.

Python computes every figure and draws every plot; the scripts under `assets/` show, filter and search the questions.
"""
