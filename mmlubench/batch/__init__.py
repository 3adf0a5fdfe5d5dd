"""Batch APIs: finished requests go to a provider as files, and their replies come into the store, at half the price.

Nothing here knows what a run is: `requests.py` has what a run would send, `folder.py` keeps it on disk with the ids of
its batches, `services/` speak to the providers, `dispatch.py` sends, waits and collects.
"""
