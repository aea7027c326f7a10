"""What if: stored inspections judged and decided again with another model or other rules."""
