"""Pages of data versions."""
