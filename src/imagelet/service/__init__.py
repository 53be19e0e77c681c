"""Predictions of one classifier over HTTP, and nothing else: what `imagelet serve` runs."""
