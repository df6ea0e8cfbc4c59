"""What a generator misses, invents and copies: tests of samples from any source, ours or not."""
