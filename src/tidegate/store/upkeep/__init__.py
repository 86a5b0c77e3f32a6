"""The upkeep of a store: ended segments are sealed by retention class, sealed files merged, what is over removed.

Any process that records does this now and then; a lock lets one at a time. A process is known to have ended by its
lock file, which the operating system lets go of, never by its pid. New files take the place of old ones by an
exchange (`tidegate.store.exchange`), so that upkeep may be killed at any moment: nothing is lost, doubled, or
changes its identity.

    once ──▶ files, alone           which files there are, who may touch them
         ──▶ planning               what to seal and merge with what (pure)
         ──▶ sealing, merging ──▶ outputs, faulty
         ──▶ retaining ──▶ tidegate.store.retention (pure)
         ──▶ covering               the checkpoint of metrics, before anything that it counts goes
"""
