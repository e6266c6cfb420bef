"""Real conversations as folders of files: `summary.csv`, `comments.csv` and `votes.csv` become records and persons.

A conversation is a sub-community, a statement a post, a vote a comment: one person's reaction to one post.
"""
