"""The OpenAI SDK, endpoint by endpoint."""
