"""Simulated cells: what a cycler would record of a cell that is known exactly."""
