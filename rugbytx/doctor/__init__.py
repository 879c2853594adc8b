"""What is right and wrong with this host and its system, each finding with its remedy."""
