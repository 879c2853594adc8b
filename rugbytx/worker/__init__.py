"""What runs inside `celery -A rugbytx worker`."""
