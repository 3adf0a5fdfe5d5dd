"""Merging: the finished shards of a run become a run folder equal to that of the run without shards."""
