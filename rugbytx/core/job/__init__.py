"""What a user wants and what points to it: the job's record, its profile and its message; values and pure functions only."""
