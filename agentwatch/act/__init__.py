"""What follows from a decision: the commit, the commands, and the proof that they worked."""
