"""What decides when a request may be sent: rate limits, an adaptive concurrency limit, retries, budget."""
