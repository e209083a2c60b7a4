"""The version of this package, which is the version of its instrumentation scope."""

__version__ = "0.1.0"
