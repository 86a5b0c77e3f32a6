"""A store behind a URL: the same questions, asked of a server."""
