"""`mmlubench lab …`: a command a module, put together in `group.py`."""
