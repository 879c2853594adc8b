"""Who does what next: the next unit, the order of chunks, the next job, and when a message is sent again; pure."""
