"""Queues on SQS and the bodies of their messages; talks to SQS only."""
