"""Looks inside networks: Lyapunov exponents, covariance, similarity of representations."""
