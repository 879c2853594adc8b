"""Commands about a whole system: start one, look at it, simulate it."""
