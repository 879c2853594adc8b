"""Rules that outputs are held to, before and after they are published; pure."""
