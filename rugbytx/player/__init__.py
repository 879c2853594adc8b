"""A page that plays outputs, served on loopback: `rugbytx play`."""
