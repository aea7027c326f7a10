"""Pages of rollouts in the console."""
