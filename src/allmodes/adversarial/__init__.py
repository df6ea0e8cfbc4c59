"""The rules of the GAN game: what the two players want, and what is held against the discriminator."""
