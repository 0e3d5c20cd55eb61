"""Language models: what sparsity of weights and of activity saves, and what integers and gates say.

``python -m benches.language [--write docs/results] [--only PART]``

Each part may be measured by itself: with ``--write`` those that are not stay as they were, each
with the commit and the machine that it was measured with.
"""
