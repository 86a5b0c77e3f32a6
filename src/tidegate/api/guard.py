"""To be written again: what was here was overwritten at 04:41, before it was first committed."""
