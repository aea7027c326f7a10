"""Other ways to train a bundle of the same contract."""
