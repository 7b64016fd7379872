"""Reads lines of [pattern, text] as JSON, prints what pygrok finds, or null."""

import json
import sys

from pygrok import Grok

for line in sys.stdin:
    pattern, text = json.loads(line)
    found = Grok(pattern).match(text)
    print(json.dumps(found, sort_keys=True))
