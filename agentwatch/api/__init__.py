"""The control API: built from ports alone, it knows no adapter and holds no state of the fleet."""
