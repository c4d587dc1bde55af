"""Training loops, and the arithmetic that they share."""
