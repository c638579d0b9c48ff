"""Benchmarks of seqnn against its peers: `python -m benchmarks.run NAME` (see README.md here)."""
