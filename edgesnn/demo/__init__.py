"""The whole way from training data to a board, on this machine, with what was measured."""
