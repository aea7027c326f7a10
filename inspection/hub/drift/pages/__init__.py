"""The pages of this capability."""
