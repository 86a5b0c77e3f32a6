"""What metrics amount to: points of all processes, living and ended, added up so that no total ever falls.

`feeding` counts blocks into `totals`, value by value with `merging`; `freezing` writes totals down and `checkpoint`
keeps them beside the segments; `current` is what a reader shows; `recovery` counts sealed points where the
checkpoint is lost.
"""
