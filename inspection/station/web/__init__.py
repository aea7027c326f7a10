"""The station's screen: a page for a kiosk and the API it uses, on loopback."""
