"""The user's own code: decorator, steps, sessions, guardrails."""
