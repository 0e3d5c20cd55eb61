"""Recurrent networks with many time constants, and their pruning before training (LNP).

Source: Chakraborty et al. 2024, "Sparse spiking neural network: exploiting heterogeneity in
timescales for pruning recurrent SNN". What the paper leaves open is decided in
docs/decisions/0014-lnp.md.
"""
