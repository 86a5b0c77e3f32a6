"""Reading a request of any framework: what carries it, and whose it is."""
