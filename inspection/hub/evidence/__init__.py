"""The evidence ledger: an append-only Merkle log a merchant, of every verdict and picture, with signed checkpoints."""
