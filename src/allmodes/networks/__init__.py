"""Bricks of networks: they know shapes, and neither data nor losses."""
