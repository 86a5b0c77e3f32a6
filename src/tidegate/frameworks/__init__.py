"""Web frameworks and other instrumented libraries: which instrumentations are loaded, and how."""
