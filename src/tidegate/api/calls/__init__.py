"""What the calls are made of: wrappers, arguments, places, what providers make, and what went wrong."""
