"""What spikes, skips, time and attacks do to representations, by CKA.

``python -m benches.representation [--write docs/results] [--seeds N] [--only PART]``
"""
