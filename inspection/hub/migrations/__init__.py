"""The schema, step by step; it is the sum of these."""
