"""The evidence ledger's mathematics: Merkle trees, signed notes, checkpoints, cosignatures. Pure; knows no database."""
