"""The `rugbytx` command."""
