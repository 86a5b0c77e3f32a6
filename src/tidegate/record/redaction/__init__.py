"""Secrets are replaced before anything is stored or sent: by the name of an attribute, or by how a value looks.

`formats` is the table of what secrets look like, with `vendors` and `cards`; `names` of how their attributes are
called; `lines` finds the few lines that need a closer look; `redactor` cleans the columns of a batch; `shared` does so
for many threads, and `exporting` for exporters of others.
"""

from tidegate.record.redaction.cleaning import REDACTED, Callback, Match, clean
from tidegate.record.redaction.redactor import Redactor
from tidegate.record.redaction.shared import SharedRedactor

__all__ = ["REDACTED", "Callback", "Match", "Redactor", "SharedRedactor", "clean"]
