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

    title: str
    description: str
    person_free: bool
    fields: Fields


def _field(title: str, category: str, kind: str = "string") -> dict[str, str]:
    return {"type": kind, "class": category, "title": title}


DEFINITIONS: Final[dict[str, Definition]] = {
    SUB_COMMUNITIES: {
        "title": "Sub-communities",
        "description": "What a community talks about: one row per conversation.",
        "person_free": True,
        "fields": {
            "sub_community_id": _field("Sub-community", "public"),
            "topic": _field("Topic", "public"),
            "description": _field("Description", "public"),
            "url": _field("Address", "public"),
            "views": _field("Views", "public", "integer"),
            "participants": _field("Participants", "public", "integer"),
            "authors": _field("Authors", "public", "integer"),
            "groups": _field("Opinion groups", "public", "integer"),
        },
    },
    POSTS: {
        "title": "Posts",
        "description": "What a person said in a sub-community.",
        "person_free": False,
        "fields": {
            "post_id": _field("Post", "public"),
            "sub_community_id": _field("Sub-community", "public"),
            "author_id": _field("Author", "identifier"),
            "written_at": _field("Written", "personal"),
            "body": _field("Text", "free_text"),
            "agrees": _field("Agree", "public", "integer"),
            "disagrees": _field("Disagree", "public", "integer"),
            "moderation": _field("Moderation", "public"),
        },
    },
    COMMENTS: {
        "title": "Comments",
        "description": "How a person reacted to a post.",
        "person_free": False,
        "fields": {
            "comment_id": _field("Comment", "identifier"),
            "post_id": _field("Post", "public"),
            "sub_community_id": _field("Sub-community", "public"),
            "author_id": _field("Author", "identifier"),
            "written_at": _field("Written", "personal"),
            "reaction": _field("Reaction", "sensitive"),
        },
    },
}
