"""What a simulation is given: scenarios, traces, policies, sizes and assumptions."""
