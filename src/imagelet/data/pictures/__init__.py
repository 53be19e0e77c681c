"""Pictures as datasets: found wherever they lie, listed by part and class, decoded into the cache."""
