"""Runs over several processes by pytest-xdist: fixed shares, their scheduler, the state file of a worker."""
