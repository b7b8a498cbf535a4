import pytest

from spooling.tracking import visitors


@pytest.mark.parametrize(
    ("agent", "method", "follows", "who"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1", "GET", True, "human"),
        ("curl/8.1", "GET", True, "human"),
        ("", "GET", False, "human"),
        ("", "GET", True, "scanner"),
        ("Mozilla/5.0 (X11)", "HEAD", False, "scanner"),
        ("Mozilla/5.0 (via ggpht.com GoogleImageProxy)", "GET", False, "proxy"),
        ("YahooMailProxy; https://help.yahoo.com/", "GET", False, "proxy"),
        ("Mozilla/5.0", "GET", False, "proxy"),
        ("", "POST", True, "human"),
        ("Slackbot-LinkExpanding 1.0", "GET", True, "scanner"),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", "GET", True, "scanner"),
    ],
)
def test_who_it_was_shows_in_what_it_says_of_itself(agent, method, follows, who):
    assert visitors.visitor(agent=agent, ip="", method=method, follows=follows).who == who


def test_long_agents_are_cut():
    visitor = visitors.visitor(agent="x\0" * 1000, ip="", method="GET", follows=True)
    assert visitor.agent == "x" * visitors.LONGEST_AGENT
