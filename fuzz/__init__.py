"""Damaged logs by the thousand: whatever is read, nothing may be lost, wrong or slow.

``python -m fuzz --minutes 10`` damages logs for so long, then hunts for slow expressions for so long; ``python -m fuzz --seed 7 --cases 1`` does case 7 again.
"""
