"""Trained networks of other libraries become models."""
