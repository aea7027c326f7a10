"""Back-ups while the hub runs, and what is restored from them, compared to the last row and byte."""
