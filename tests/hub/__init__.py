"""Tests of the hub: a real PostgreSQL, a real server on loopback."""
