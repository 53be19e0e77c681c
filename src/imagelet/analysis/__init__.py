"""Analysis of a finished classifier: test figures, error analysis, robustness, comparison, own pictures."""
