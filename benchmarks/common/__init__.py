"""What several measurements stand on: the committed run of base, and the hash of what a result was measured on."""
