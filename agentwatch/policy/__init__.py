"""Rules as data, the ladder, and the gate that says what must not be touched."""
