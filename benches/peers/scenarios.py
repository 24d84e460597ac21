"""What is measured on which server, and the targets."""

from dataclasses import dataclass, field, replace

# Nothing is stored, as on IRC.
NOTHING_KEPT = '{"history":"off","chat_log":{"enabled":false}}'

# The number of simultaneous logins that suits each server best, found by trial:
# ngircd's listener has a short backlog, inspircd admits all waiting clients
# once a second.
AT_ONCE = {"ngircd": 8, "inspircd": 1000}
AT_ONCE_OURS = 64


@dataclass(frozen=True)
class Contestant:
    """A server to measure; `peer` if it is not ours."""

    name: str
    protocol: str
    peer: str = ""
    kept: bool = False

    def arguments(self):
        at_once = AT_ONCE.get(self.peer, AT_ONCE_OURS)
        words = ["--protocol", self.protocol, "--at-once", str(at_once)]
        if not self.peer and not self.kept:
            words += ["--server-config", NOTHING_KEPT]
        return words


TELNET = Contestant("chat-server, telnet", "telnet")
WS = Contestant("chat-server, WebSocket", "ws")
TELNET_KEPT = Contestant("chat-server, telnet, history on", "telnet", kept=True)
WS_KEPT = Contestant("chat-server, WebSocket, history on", "ws", kept=True)
IRC = Contestant("chat-server, IRC", "irc")
IRC_KEPT = Contestant("chat-server, IRC, history on", "irc", kept=True)
NGIRCD = Contestant("ngircd", "irc", peer="ngircd")
INSPIRCD = Contestant("inspircd", "irc", peer="inspircd")
BARE = Contestant("bare send()", "telnet", peer="none")


@dataclass(frozen=True)
class Target:
    """The bound of a figure: a multiple of the best peer's or of the bare
    loop's, or an absolute value."""

    bound: float
    against: str = "peer"
    at_least: bool = True

    def words(self):
        sign = "≥" if self.at_least else "≤"
        if self.against == "peer":
            return f"{sign} {self.bound:g} × best peer"
        if self.against == "bare":
            return f"{sign} {self.bound:g} × bare send()"
        return f"{sign} {self.bound:,.10g}"


@dataclass(frozen=True)
class Figure:
    """One figure of a scenario, by its key in the JSON."""

    key: str
    title: str
    unit: str
    higher_is_better: bool = True
    targets: dict = field(default_factory=dict)
    scale: float = 1.0
    # Other keys of the same figure.
    other_keys: tuple = ()

    def of(self, figures):
        for key in (self.key, *self.other_keys):
            if key in figures:
                return figures[key] * self.scale
        return None


@dataclass(frozen=True)
class Scenario:
    """The arguments of `chat-server bench`, the servers they apply to, and the
    figures."""

    title: str
    arguments: tuple
    contestants: tuple
    figures: tuple
    # A longer run evens out disturbances of a few seconds.
    times_as_long: int = 1


def with_peers(scenario, names):
    """The scenario with further IRC servers, if it is measured on others at all."""
    if not any(c.peer and c != BARE for c in scenario.contestants):
        return scenario
    others = tuple(Contestant(name, "irc", peer=name) for name in names)
    return replace(scenario, contestants=scenario.contestants + others)


def least(bound, against="peer"):
    return Target(bound, against)


def most(bound, against="peer"):
    return Target(bound, against, at_least=False)


ALL = (TELNET, WS, IRC, NGIRCD, INSPIRCD)
# A login takes ngircd longer the more clients there are: 10,000 would take it a
# quarter of an hour.
WITHOUT_NGIRCD = (TELNET, WS, IRC, INSPIRCD)
ALL_KEPT = (TELNET, WS, IRC, TELNET_KEPT, WS_KEPT, IRC_KEPT, NGIRCD, INSPIRCD)
DELIVERIES = "deliveries_per_second"
P99 = "latency_p99_ms"
READ_P99 = "latency_read_p99_ms"
OWN_P99 = "latency_own_p99_ms"
CPU = "server_cpu_s_per_million"

SCENARIOS = (
    Scenario(
        "One room of 1,000, flooded by 4 senders",
        ("room", "--members", "1000", "--senders", "4", "--window", "32"),
        ALL_KEPT,
        (
            Figure(
                DELIVERIES,
                "deliveries",
                "/s",
                targets={
                    TELNET: least(3),
                    WS: least(2),
                    IRC: least(3),
                    TELNET_KEPT: least(1.5),
                    WS_KEPT: least(1.5),
                    IRC_KEPT: least(1.5),
                },
            ),
            Figure(P99, "latency, p99", "ms", False),
            Figure(READ_P99, "latency until read by the generator, p99", "ms", False),
            Figure(CPU, "server CPU a delivery", "µs", False),
        ),
    ),
    Scenario(
        "One room of 1,000, 20 messages a second",
        ("room", "--members", "1000", "--rate", "20"),
        (TELNET, WS, IRC, TELNET_KEPT, NGIRCD, INSPIRCD, BARE),
        (
            Figure(P99, "latency, p99", "ms", False, {TELNET: most(0.5), WS: most(0.5), IRC: most(0.5)}),
            Figure(READ_P99, "latency until read by the generator, p99", "ms", False),
            Figure(
                CPU,
                "server CPU a delivery",
                "µs",
                False,
                {TELNET: most(1.5, "bare"), WS: most(1.5, "bare")},
                other_keys=("sender_cpu_s_per_million",),
            ),
        ),
    ),
    Scenario(
        "1,000 rooms of 2",
        ("pairs", "--rooms", "1000"),
        (TELNET, WS, IRC, TELNET_KEPT, IRC_KEPT, NGIRCD, INSPIRCD),
        (
            Figure(
                DELIVERIES,
                "deliveries (two a message, one on IRC)",
                "/s",
                targets={TELNET: least(1), WS: least(1)},
            ),
            Figure("messages_per_second", "messages", "/s", targets={IRC: least(1), IRC_KEPT: least(0.8)}),
            Figure(P99, "latency, p99", "ms", False, {TELNET: most(1), WS: most(1), IRC: most(1)}),
            Figure(READ_P99, "latency until read by the generator, p99", "ms", False),
            Figure(OWN_P99, "latency of one's own words, p99", "ms", False),
        ),
    ),
    Scenario(
        "1,000 rooms of 2, 5,000 messages a second",
        ("pairs", "--rooms", "1000", "--rate", "5000"),
        (TELNET, WS, IRC, NGIRCD, INSPIRCD),
        (
            Figure(P99, "latency, p99", "ms", False),
            Figure(READ_P99, "latency until read by the generator, p99", "ms", False),
            Figure(OWN_P99, "latency of one's own words, p99", "ms", False),
            Figure("server_cpu_us_per_message", "server CPU a message", "µs", False),
        ),
    ),
    Scenario(
        "1,000 people come into one channel",
        ("logins", "--connections", "1000"),
        ALL,
        (Figure("logins_per_second", "logins", "/s", targets={TELNET: least(1), WS: least(1), IRC: least(1)}),),
    ),
    Scenario(
        "10,000 people come into one channel",
        ("logins", "--connections", "10000"),
        WITHOUT_NGIRCD,
        (
            Figure("logins_per_second", "logins", "/s", targets={TELNET: least(1), WS: least(1), IRC: least(1)}),
            Figure("server_cpu_us_per_login", "server CPU a login", "µs", False),
        ),
    ),
    Scenario(
        "10,000 connections that say nothing",
        ("idle", "--connections", "10000"),
        WITHOUT_NGIRCD,
        (
            Figure(
                "memory_bytes",
                "memory a connection, the kernel's too",
                "KB",
                False,
                {c: most(48, "absolute") for c in (TELNET, WS, IRC)},
                scale=1 / 1024,
            ),
        ),
    ),
    Scenario(
        "15,000 connections",
        ("idle", "--connections", "15000"),
        (TELNET,),
        (Figure("held", "held", "", targets={TELNET: least(15_000, "absolute")}),),
    ),
    Scenario(
        "20,000 connections",
        ("idle", "--connections", "20000"),
        (TELNET,),
        (Figure("held", "held", "", targets={TELNET: least(20_000, "absolute")}),),
    ),
    Scenario(
        "One slow reader in a flooded room of 1,000",
        ("slow", "--members", "1000", "--readers", "1"),
        ALL,
        (
            Figure(
                "latency_p99_ratio",
                "p99 of the others, with / without",
                "×",
                False,
                {c: most(1.1, "absolute") for c in (TELNET, WS, IRC)},
            ),
        ),
        times_as_long=3,
    ),
)
# Memory mappings that the threads for 20,000 connections need.
MAPS_FOR_20_000 = 100_000
