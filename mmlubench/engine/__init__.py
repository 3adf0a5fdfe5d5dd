"""The engine of requests: retries, limits, a journal of every attempt, and the look-ahead that keeps many in flight."""
