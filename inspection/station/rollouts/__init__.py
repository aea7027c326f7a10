"""What the hub rolls out to this station: fetched, checked, tried beside the champion, exchanged between two items."""
