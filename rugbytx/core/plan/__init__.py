"""What will be made of a source: grid, renditions, encoder recipes, thumbnails, and why; pure."""
