"""Runs in several processes with pytest-xdist: fixed shares, their scheduler, and the state file of a worker."""
