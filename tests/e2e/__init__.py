"""The whole of it: real hub, real station, simulated devices."""
