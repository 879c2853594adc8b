"""Runs ffmpeg and ffprobe: children with limits, what they say, and what it means."""
