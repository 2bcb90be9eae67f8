"""Jobs: long work with a row that tells the truth about it.

The row is the truth and the broker only a wake-up: a message carries the row's id,
a worker claims the row by conditional update under a new fencing token, a heartbeat
extends its lease, results are written in the transaction that finishes it, and a
sweep re-sends what was lost.
"""
