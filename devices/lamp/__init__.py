"""Stack lamps."""
