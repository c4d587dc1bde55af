"""The command line: one subcommand a stage."""
