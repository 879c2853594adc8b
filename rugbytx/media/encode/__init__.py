"""ffmpeg's command lines for each encoder and recipe, the trial of encoders, and the fall-back between recipes."""
