"""What is fitted into Flower itself: events, the inspector, templates."""
