"""Looks at sources, and makes one seekable where it is not."""
