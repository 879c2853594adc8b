"""ffmpeg and ffprobe: probing, encoding, joining."""
