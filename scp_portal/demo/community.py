"""Makes a tenant's community, from a seed: the same seed makes the same world, on any machine."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from exchange.community.datasets import COMMENTS, POSTS, SUB_COMMUNITIES, VERTICAL
from scp_portal.demo.sentences import Topic, Voice

BEGAN: Final = datetime(2026, 1, 12, 8, 0, tzinfo=UTC)
SPAN: Final = timedelta(days=280)


@dataclass(frozen=True, slots=True)
class Made:
    """One record to write; `person` is the reference of the person it is about, empty for none."""

    dataset: str
    source_key: str
    person: str
    verticals: tuple[str, ...]
    payload: dict[str, Any]


def references(tenant_id: str, count: int) -> list[str]:
    """The core's keys of the tenant's persons."""
    return [f"{tenant_id.lower()}-{number:04}" for number in range(1, count + 1)]


def moment(chance: random.Random, after: datetime = BEGAN) -> datetime:
    """A time in waking hours between `after` and the end of the demo's span."""
    day = after + timedelta(seconds=chance.random() * (BEGAN + SPAN - after).total_seconds())
    return max(after, day.replace(hour=chance.randint(7, 21), microsecond=0))


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def conversations(chance: random.Random, voice: Voice, persons: list[str], posts: int, comments: int) -> Iterator[Made]:
    """Sub-communities with their posts, and the comments on them. Everyone may write; some write often."""
    talkative = [*persons, *chance.sample(persons, len(persons) // 5) * 4]
    said = [_post(chance, voice, chance.choice(voice.topics), chance.choice(talkative), n) for n in range(1, posts + 1)]
    reactions: dict[str, dict[str, int]] = {}
    replies = [
        _comment(chance, voice, chance.choice(said), chance.choice(talkative), n) for n in range(1, comments + 1)
    ]
    for reply in replies:
        tally = reactions.setdefault(reply.payload["post_id"], {})
        tally[reply.payload["reaction"]] = tally.get(reply.payload["reaction"], 0) + 1
    for post in said:
        tally = reactions.get(post.payload["post_id"], {})
        post.payload.update(agrees=tally.get("agree", 0), disagrees=tally.get("disagree", 0))
    yield from _sub_communities(voice, said, replies)
    yield from said
    yield from replies


def _sub_communities(voice: Voice, said: list[Made], replies: list[Made]) -> Iterator[Made]:
    for topic in voice.topics:
        authors = {post.person for post in said if post.payload["sub_community_id"] == topic.key}
        others = {reply.person for reply in replies if reply.payload["sub_community_id"] == topic.key}
        payload = {
            "sub_community_id": topic.key,
            "topic": topic.title,
            "description": topic.description,
            "url": f"https://community.example/{topic.key}",
            "views": 40 * len(authors | others),
            "participants": len(authors | others),
            "authors": len(authors),
            "groups": 2 + len(topic.key) % 3,
        }
        yield Made(SUB_COMMUNITIES, topic.key, "", (VERTICAL,), payload)


def _post(chance: random.Random, voice: Voice, topic: Topic, author: str, number: int) -> Made:
    key = f"{topic.key}/{number}"
    payload = {
        "post_id": key,
        "sub_community_id": topic.key,
        "author_id": author,
        "written_at": written(moment(chance)),
        "body": voice.joint.join((chance.choice(topic.claims), chance.choice(voice.reasons))),
        "agrees": 0,
        "disagrees": 0,
        "moderation": chance.choices(("accepted", "open", "rejected"), (90, 7, 3))[0],
    }
    return Made(POSTS, key, author, (VERTICAL,), payload)


def _comment(chance: random.Random, voice: Voice, post: Made, author: str, number: int) -> Made:
    reaction = chance.choices(("agree", "disagree", "pass"), (6, 2, 1))[0]
    words = {"agree": voice.agree, "disagree": voice.disagree, "pass": voice.unsure}[reaction]
    posted = datetime.fromisoformat(post.payload["written_at"])
    payload = {
        "comment_id": f"{post.source_key}/c{number}",
        "post_id": post.source_key,
        "sub_community_id": post.payload["sub_community_id"],
        "author_id": author,
        "written_at": written(moment(chance, posted)),
        "reaction": reaction,
        "body": chance.choice(words),
    }
    return Made(COMMENTS, f"{post.source_key}/c{number}", author, (VERTICAL,), payload)
