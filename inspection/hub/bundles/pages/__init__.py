"""The pages of the registry and the gate."""
