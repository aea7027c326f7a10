"""What an inspection is: items, frames, findings, verdicts, and the policy that decides."""

__version__ = "0.1.0"
