"""Statistics that compare results: paired differences, tests, corrections for many tests, power, ranks."""
