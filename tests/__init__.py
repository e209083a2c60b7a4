"""The tests. Import what they share from ``tests.support``."""
