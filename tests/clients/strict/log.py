"""Whether a run went as it should: `python3 -m strict.log URL RUN TURNS`, with what was received if not."""

import json
import sys
import urllib.request

url, run, turns = sys.argv[1:]
with urllib.request.urlopen(f"{url}/log/{run}") as reply:
    log = json.load(reply)
if log["wrong"] or log["turns"] != int(turns):
    print(f"the provider saw {log['turns']} of {turns} turns", *[line[:1500] for line in log["wrong"]], sep="\n    ")
    for text in log["received"]:
        print(f"    received: {text[:300]} ... {text[-2500:]}")
    sys.exit(1)
