"""Training runs: one child process each, watched from outside through the files of its folder."""
