"""Runs: the folder of each, the store that finds them, what a run learned from, its model card."""
