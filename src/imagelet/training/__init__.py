"""Training: recipes, optimizers, augmentation, the loop, its state and checkpoints."""
