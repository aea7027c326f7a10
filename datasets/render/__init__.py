"""Physically based pictures of synthetic goods with exact defects and masks."""
