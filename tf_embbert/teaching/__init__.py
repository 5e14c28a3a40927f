"""A larger model teaches EmbBERT a user's own task: who judges, what is judged, and what comes of it as soft rows."""
