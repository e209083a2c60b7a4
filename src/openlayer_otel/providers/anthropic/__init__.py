"""The Anthropic SDK, endpoint by endpoint."""
