"""The reverse-logistics API: one folder a capability."""
