"""Who is told of a job's end, what, and how it is signed; pure."""
