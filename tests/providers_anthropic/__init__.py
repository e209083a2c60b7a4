"""What users see of their Anthropic calls: endpoint by endpoint, client by client."""
