"""Simulated workers and the simulated autoscaler, round the decisions of the core."""
