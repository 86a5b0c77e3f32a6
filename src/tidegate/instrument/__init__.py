"""Instrumentations: which are loaded, and how."""
