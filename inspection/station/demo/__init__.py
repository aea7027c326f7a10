"""The demo: a hub, a simulated bench and a simulated worker around one real station."""
