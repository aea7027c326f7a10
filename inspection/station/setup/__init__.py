"""Setting a station up: its devices and cameras, its hub, its configuration file, and what support needs."""
