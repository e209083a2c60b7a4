"""Stand-ins: servers on loopback that answer as the real ones do, with nothing to install.

``openlayer-otel demo`` uses them when no API keys are set; the tests use them always.
:mod:`~openlayer_otel.standin.llm_server` stands in for the providers of models,
:mod:`~openlayer_otel.standin.openlayer_server` for Openlayer.
"""
