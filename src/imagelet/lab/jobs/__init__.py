"""Trainings that the page asked for: their store, and the worker process that runs them."""
