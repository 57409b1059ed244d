"""The engine as a service, measured from outside: its process, producers of its inputs, consumers of its outputs."""
