"""Private servers for the demo, the tests and the benchmark: everything stays under one run directory."""
