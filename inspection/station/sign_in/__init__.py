"""Workers sign in with badge and PIN: the hub checks, the station remembers for a while what it said."""
