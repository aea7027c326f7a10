"""The EPCIS 2.0 repository: events captured from partners, and those that our own verdicts stand for."""
