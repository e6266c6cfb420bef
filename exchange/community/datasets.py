"""The three datasets that a community's conversations fill (A-4.1-1), and what their fields are."""

from __future__ import annotations

from typing import Final, TypedDict

VERTICAL: Final = "community"
SUB_COMMUNITIES: Final = "sub_communities"
POSTS: Final = "posts"
COMMENTS: Final = "comments"

Fields = dict[str, dict[str, str]]


class Definition(TypedDict):
    """The columns of `exchange.models.Dataset` but the name."""

    vertical_id: str
    title: str
    description: str
    person_free: bool
    fields: Fields


def field(title: str, category: str, kind: str = "string") -> dict[str, str]:
    """One entry of `Dataset.fields`: JSON Schema type, class of data, title."""
    return {"type": kind, "class": category, "title": title}


DEFINITIONS: Final[dict[str, Definition]] = {
    SUB_COMMUNITIES: {
        "vertical_id": VERTICAL,
        "title": "Sub-communities",
        "description": "What a community talks about: one row per conversation.",
        "person_free": True,
        "fields": {
            "sub_community_id": field("Sub-community", "public"),
            "topic": field("Topic", "public"),
            "description": field("Description", "public"),
            "url": field("Address", "public"),
            "views": field("Views", "public", "integer"),
            "participants": field("Participants", "public", "integer"),
            "authors": field("Authors", "public", "integer"),
            "groups": field("Opinion groups", "public", "integer"),
        },
    },
    POSTS: {
        "vertical_id": VERTICAL,
        "title": "Posts",
        "description": "What a person said in a sub-community.",
        "person_free": False,
        "fields": {
            "post_id": field("Post", "public"),
            "sub_community_id": field("Sub-community", "public"),
            "author_id": field("Author", "identifier"),
            "written_at": field("Written", "personal"),
            "body": field("Text", "free_text"),
            "agrees": field("Agree", "public", "integer"),
            "disagrees": field("Disagree", "public", "integer"),
            "moderation": field("Moderation", "public"),
        },
    },
    COMMENTS: {
        "vertical_id": VERTICAL,
        "title": "Comments",
        "description": "How a person reacted to a post.",
        "person_free": False,
        "fields": {
            "comment_id": field("Comment", "identifier"),
            "post_id": field("Post", "public"),
            "sub_community_id": field("Sub-community", "public"),
            "author_id": field("Author", "identifier"),
            "written_at": field("Written", "personal"),
            "reaction": field("Reaction", "sensitive"),
            "body": field("Text", "free_text"),
        },
    },
}
