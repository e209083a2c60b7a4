"""The openlayer-otel command."""
