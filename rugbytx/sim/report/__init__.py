"""What came out of a simulation: figures, bounds, charts and a page."""
