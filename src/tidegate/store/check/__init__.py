"""Whether a store is sound: every frame, index, filter and count against the content, and all files together.

    for finding in check("/var/lib/tidegate"):
        print(finding.file, finding.what)

`walk` goes over the files, `active` and `sealed` look at one each, `accounts` at what all hold together, and
`beside` at what lies around them; `repairing` makes anew what can be made anew and sets aside what cannot.
Processes may record meanwhile.
"""

from tidegate.store.check.finding import Finding
from tidegate.store.check.walk import check, repair

__all__ = ["Finding", "check", "repair"]
