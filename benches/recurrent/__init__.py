"""What LNP keeps of recurrent networks, next to other pruning; what integers and time it costs.

``python -m benches.recurrent [--write docs/results] [--seeds 5] [--only PART]``
"""
