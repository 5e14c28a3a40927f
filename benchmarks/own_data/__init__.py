"""Small tasks as users have them: what the recipe without options gives, beside linear models of the same rows."""
