"""LoRA adapters: what their folders say, whether they fit a base model, and how servers list and load them."""
