"""What each format's vendor takes: `check(body, headers)` gives what was asked, or raises Refused."""
