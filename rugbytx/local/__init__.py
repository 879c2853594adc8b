"""The whole system on one machine: an embedded AWS and a fleet of local processes."""
