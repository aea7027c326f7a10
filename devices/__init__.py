"""Drivers for what stands at a station: one folder a kind, one module a protocol, a simulator beside every driver."""
