"""One trainer for all families, runs that survive, and studies of many seeds."""
