"""A room for each SDK: where to hook, and how its JSON maps to an operation."""
