"""A lab to look at: simulated cells in the files that real cyclers write."""
