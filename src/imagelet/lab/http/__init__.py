"""The lab's server: its routes by tab, and the guard before them."""
