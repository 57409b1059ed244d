"""The engine as a service, measured from outside: its process, what feeds it, and who reads what it puts out."""
