"""Measurements on real work; one command, one table."""
