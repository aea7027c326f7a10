"""Subscriptions of named queries: events are sent to a webhook as they are stored, or by a schedule (EPCIS 2.0, 8.2.5).

A subscription is a destination of the connectors. What it is told is an event of the hub, written in the transaction
that stores what it tells of, so order, back-off, dead letters and "send again" are those of every destination.
"""
