"""The tasks of the published tables that the data folder has."""

TASKS = [
    "snips",
    "emotion",
    "nlu",
    "limit",
    "cyberbullying",
    "imdb",
    "ag_news",
    "sst2",
    "cola",
    "mrpc",
    "stsb",
    "rte",
    "wnli",
]
