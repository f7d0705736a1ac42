"""Incidents, and the receivers that they are sent to."""
