"""Signals for people to weigh when they decide a pre-check; none of them refuses anything by itself."""
