"""Stand-ins on loopback for the demo and the tests: an LLM server, and Openlayer."""
