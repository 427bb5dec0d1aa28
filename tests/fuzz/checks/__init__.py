"""What is checked for each input from outside; targets.py lists the checks."""
