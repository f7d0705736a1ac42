"""What repeats: bounded state of runs, agents, trees and apps, and one file a detector that judges it."""
