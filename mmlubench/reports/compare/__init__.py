"""Comparisons of results as text: for the terminal, as Markdown, and in a few lines at the end of a run."""
