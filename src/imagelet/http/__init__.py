"""What the lab and the service share: the guard, pictures decoded, predictions in batches, errors."""
