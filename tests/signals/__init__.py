"""Metrics and events: what calls leave besides their spans."""
