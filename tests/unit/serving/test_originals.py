"""Originals: links that lead to the post, and never anywhere that a post chose."""

import pytest

from serving.posts.originals import original


@pytest.mark.parametrize(
    ("source", "post_id", "payload", "address"),
    [
        ("bluesky", "at://did:plc:a1/app.bsky.feed.post/3kx", None, "https://bsky.app/profile/did:plc:a1/post/3kx"),
        ("bluesky", "at://did:plc:a1/app.bsky.feed.like/3kx", None, None),
        ("bluesky", 'at://did:plc:a"onload=/app.bsky.feed.post/3kx', None, None),
        ("x", "325297109853147136", None, "https://x.com/i/status/325297109853147136"),
        ("x", "1/../../evil", None, None),
        ("x", "١٢٣", None, None),
        ("mastodon", "https://a.social/users/b/statuses/1", None, "https://a.social/users/b/statuses/1"),
        ("mastodon", "https://a.social/users/b/statuses/1", '{"url":"https://a.social/@b/1"}', "https://a.social/@b/1"),
        ("mastodon", "https://a.social/u/1", '{"reblog":{"url":"https://c.social/@d/2"}}', "https://c.social/@d/2"),
        ("mastodon", "https://a.social/u/1", '{"url":"javascript:alert(1)"}', "https://a.social/u/1"),
        ("mastodon", "https://a.social/u/1", "event: update", "https://a.social/u/1"),
        ("mastodon", "https://user@a.social/u/1", '{"url":"http://a.social/1"}', None),
        ("mastodon", "tag:a.social,2020:1", "[" * 100_000, None),
        ("mastodon", "https://[bad/1", None, None),
        ("mastodon", 'https://a.social/"onmouseover="x', None, None),
        ("sample", "17", None, None),
        ("files of mine", "https://a.social/1", None, None),
    ],
)
def test_a_post_has_the_address_of_its_source_or_none(
    source: str, post_id: str, payload: str | None, address: str | None
) -> None:
    assert original(source, post_id, payload) == address
