"""The subcommands of `mmlubench`, one module each; `cli` puts them together."""
