"""Who may do what: merchants, stations and their tokens."""
