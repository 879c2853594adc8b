"""Whether this worker may receive, and what that hangs on: admission, encoder, heat, protection."""
