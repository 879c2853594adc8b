"""What people ask of what exists: of jobs, and of messages that nobody could handle."""
