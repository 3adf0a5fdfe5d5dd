"""The doctor: it looks for what will go wrong in a run, by a few short requests, and says what to do."""
