"""The customer's cases that goods come back under."""
