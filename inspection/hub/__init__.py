"""The hub: takes in what stations report and stands for it. One folder a capability."""
