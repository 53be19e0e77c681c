"""The lab: one local page to draw, look inside, build, train and compare, and the server behind it."""
