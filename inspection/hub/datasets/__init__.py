"""Data versions of the hub: what people labelled, on top of what was there, immutable and by content."""
