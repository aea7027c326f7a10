"""Stations as a supervisor watches them: what each says of itself, and what of its work waits for a person."""
