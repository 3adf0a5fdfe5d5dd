"""Limits that decide when a request may be sent: rates, adaptive concurrency, retries, circuit breaker, budget."""
