"""Questions that are answered by numbers: counts, quantiles, top values, series, edges between services.

Each goes over the columns of the blocks that may match, one block at a time, without making records,
in memory with named bounds; what is beyond them, its answer says.
"""
