"""Training of spiking networks with surrogate gradients, in PyTorch."""
