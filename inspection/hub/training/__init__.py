"""Trainings asked for in the console or by a program: a queue, how far each is, and the bundle that comes of it."""
