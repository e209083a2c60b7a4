"""Completed traces to Openlayer: assembly, mapping, delivery, spool."""
