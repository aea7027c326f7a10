"""The review queue: which pictures people should label, who says what of them, and which labels count."""
