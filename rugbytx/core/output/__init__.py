"""What finished units leave behind: their results, the objects' keys, and which objects are kept; pure."""
