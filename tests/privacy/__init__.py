"""What was said in a call is recorded where the settings say, and nowhere else."""
