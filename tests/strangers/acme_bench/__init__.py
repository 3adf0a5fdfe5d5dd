"""A package of somebody else's with one part of each kind, as CONTRIBUTING says to write them."""
