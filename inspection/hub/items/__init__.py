"""Physical items across returns: found by any code, matched by a person, with their whole history."""
