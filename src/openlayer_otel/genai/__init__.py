"""One GenAI operation, whoever provides it: its span, its messages, its stream."""
