"""The customer's page: for a cheap phone on a bad network, with and without scripts, in four languages."""
