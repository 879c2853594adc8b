"""The work of each kind of unit, in a workspace of its own; commits nothing."""
