"""The wire of binglide (protocol/BXMDPv2.md): pure functions and records, no socket, file or clock."""
