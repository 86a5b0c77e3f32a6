"""What keeps records from going on to where they are to be sent, as the leaders of routes tell."""

from __future__ import annotations

import os

from tidegate.ship import election, state
from tidegate.ship.route import routes


def problems(store: str, route: str = "") -> list[str]:
    """Sentences, none while all is well: of one route of the store in a directory, or of all that are led now."""
    found = []
    for each in [route] if route else sorted(routes(store)):
        directory = os.path.join(store, "routes", each)
        if not election.leads(directory):  # what the last leader told is no longer so
            continue
        told, _ = state.read(directory)
        found += [told.problem, *(sender.get("problem", "") for sender in told.destinations.values())]
    return [problem for problem in found if problem]
