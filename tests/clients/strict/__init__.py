"""Scripted providers that refuse what the vendors refuse. Standard library only."""
