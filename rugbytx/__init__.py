"""A fault-tolerant video transcoder on Celery and Amazon SQS."""
