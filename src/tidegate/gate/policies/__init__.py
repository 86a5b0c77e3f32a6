"""Policies: documents and where they come from, and what their conditions match."""
