"""The batch APIs of providers, each behind `base.Service`; `catalog.py` says which client has which."""
