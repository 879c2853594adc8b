"""What a source is, read out of ffprobe's answers; pure, so that a saved answer is a test."""
