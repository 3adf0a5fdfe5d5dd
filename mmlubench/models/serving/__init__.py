"""Model servers: what they tell of themselves without a question, and how they load adapters."""
