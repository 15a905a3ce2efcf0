"""The client: a pure core (core.py, ledger.py), its shell on a thread (engine.py, link.py), and what callers hold."""
