"""Telling others of jobs: the outbox that is worked off, and the two ways out of it."""
