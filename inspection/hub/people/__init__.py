"""People's data: what it is, how long it is kept, taken out for them, and erased for good."""
