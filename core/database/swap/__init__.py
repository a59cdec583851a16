"""Loaded tables become the live ones, and back."""
