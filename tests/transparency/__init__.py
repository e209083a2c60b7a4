"""What an application sees of the SDKs is the same with and without tracing."""
