"""One call, one span: beside other tracers, below frameworks, and where tracing is suppressed."""
