"""This process and the operating system: signals, standard files, and files that operators name."""
