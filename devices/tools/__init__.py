"""Tools for whoever sets devices up or looks for trouble: list, probe, monitor, record, replay."""
