"""What the lab's routes call: plain functions from names and pictures to plain data."""
