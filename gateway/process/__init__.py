"""This process and the operating system: signals and standard files."""
