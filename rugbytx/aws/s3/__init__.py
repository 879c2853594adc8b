"""Objects on S3 and their transfer, paced where that is wished; talks to S3 only."""
