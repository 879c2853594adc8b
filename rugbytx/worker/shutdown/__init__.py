"""How a worker leaves: signals, Spot notices, and the watch over its own processes."""
