"""Runs: their folders and how they are found, what they learned from, environment, model card."""
