"""Sealed segments: immutable SQLite files of large blocks, with what lets a reader pass most of them by.

`gathering` puts rows of active blocks together, `writing` makes a file of them, `file` reads one.
"""
