"""A bot made with the library `irc`, which knows the oldest part of the protocol only, and keeps
lists of the members of its channels.

    irc_bot.py HOST PORT ACCOUNT PASSWORD CHANNEL

It answers in the channel what it is asked there, and in private what it is told in private.
"""

import sys

import irc.bot


class Bot(irc.bot.SingleServerIRCBot):
    def __init__(self, host, port, account, password, channel):
        server = irc.bot.ServerSpec(host, port, password)
        again = irc.bot.ExponentialBackoff(min_interval=1, max_interval=2)
        super().__init__([server], account, "A bot", recon=again, sasl_login=account)
        self.channel = channel
        self.topic = "nothing"

    def on_welcome(self, connection, event):
        connection.join(self.channel)

    def on_currenttopic(self, connection, event):
        self.topic = event.arguments[1]

    def on_topic(self, connection, event):
        self.topic = event.arguments[0]

    def on_kick(self, connection, event):
        if event.arguments[0] == connection.get_nickname():
            connection.join(self.channel)

    def on_privmsg(self, connection, event):
        connection.privmsg(event.source.nick, f"you said {event.arguments[0]}")

    def on_pubmsg(self, connection, event):
        channel = self.channels[self.channel]
        answers = {
            "topic?": lambda: f"it is about {self.topic}",
            "who?": lambda: "here are " + " ".join(sorted(channel.users())),
            "operators?": lambda: "they are " + " ".join(sorted(channel.opers())),
            "rest": lambda: connection.send_raw("AWAY :resting") or "I rest",
        }
        answer = answers.get(event.arguments[0])
        if answer:
            connection.privmsg(self.channel, answer())


def main():
    host, port, account, password, channel = sys.argv[1:]
    Bot(host, int(port), account, password, channel).start()


main()
