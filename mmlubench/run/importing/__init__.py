"""Results of other harnesses as run folders, so that they can be compared with ours."""
