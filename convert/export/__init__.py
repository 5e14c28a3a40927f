"""From a run's folded weights to the bytes of a model: the forms that there are, and the search for the best."""
