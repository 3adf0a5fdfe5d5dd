"""Models behind HTTP: transports, the protocols of OpenAI and Anthropic, and what can go wrong with them."""
