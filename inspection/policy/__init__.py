"""The policy: rules a business person writes decide what happens to an item, first match wins."""

from inspection.policy.context import Context, Hazard
from inspection.policy.decision import Policy, replay
from inspection.policy.facts import VARIABLES, Facts, Variable, establish

__all__ = ["VARIABLES", "Context", "Facts", "Hazard", "Policy", "Variable", "establish", "replay"]
