"""What a worker publishes of itself: presence, load, speeds."""
