"""Two layers of bits: their sampling, their partition function, the gradient of their likelihood."""
