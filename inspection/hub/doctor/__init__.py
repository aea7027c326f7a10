"""``hub_app.py doctor``: one line about each thing that a hub needs, and what to do about it."""
