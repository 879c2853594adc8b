"""What kombu's SQS transport lacks: it survives faults, asks before it receives, and says what it does."""
