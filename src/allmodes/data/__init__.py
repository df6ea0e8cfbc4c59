"""Data: what is trained on, where it comes from, and the units that networks want it in."""
