"""Commands of ``python -m devices``, one module each."""
