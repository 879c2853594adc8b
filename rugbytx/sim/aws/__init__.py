"""Models of AWS's services as far as scaling and queueing go; in simulated time only."""
