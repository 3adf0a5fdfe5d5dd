"""The doctor: it looks for what will go wrong in a run, before the run costs anything, and says what to do."""
