"""Work that a request leaves behind: jobs in the same database, written in the transaction that caused them."""
