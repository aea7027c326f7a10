"""One inspection station: session, journal, outbox, kiosk page."""
