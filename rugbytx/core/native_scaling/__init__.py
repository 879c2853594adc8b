"""AWS's own scaling policies for the service: what they consist of and what must change; pure."""
