"""Models behind HTTP: transports, the protocols of OpenAI and Anthropic, and their error replies."""
