"""Figures for people and machines about jobs, units and the fleet; pure."""
