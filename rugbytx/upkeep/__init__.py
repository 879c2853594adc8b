"""Work that any process may do for all: the sweep, and the removal of objects that no manifest names."""
