"""Flower on SQS, and the Jobs page beside Flower's own."""
