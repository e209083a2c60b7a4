"""Tests of the user's own code in the trace."""
