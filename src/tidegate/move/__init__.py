"""Telemetry out of a store into a file, and out of a file into a store.

    reader ──exporting──▶ messages or lines ──files──▶ a file, `-` for a pipe
    a file ──files──▶ framing ──reading──▶ records ──columns──▶ writing ──▶ the store's sink

Everything streams: of a file one message is in memory at a time (`framing.MAX_MESSAGE_BYTES` at most) and
`writing.MAX_PENDING` records that wait for their block; of a store `exporting.CHUNK` records, beside the
blocks that its reader has open.
"""
