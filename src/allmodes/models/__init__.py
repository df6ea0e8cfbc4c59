"""One box of the taxonomy of generative models = one file."""
