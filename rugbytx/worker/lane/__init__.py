"""A worker's stay: which job and unit, one attempt with its heartbeat, and how it ends."""
