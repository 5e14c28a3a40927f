"""What all commands share: errors, arguments, the terminal, files that are whole or not there."""
