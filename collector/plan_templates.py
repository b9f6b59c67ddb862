"""What `haready plan init` writes: commented plans with example addresses, to be edited."""

from __future__ import annotations

from collector.plan import Topology

_HEAD = """# The plan of one assessment. The same file, and the same key file, go to every node.
#   haready plan check {file}                 lists every mistake
#   haready collect --plan {file} --node NAME runs on each node
# Every address below is an example: put in your own.
format = 1

[cluster]
name = "{cluster}"
topology = "{topology}"
phase = "before"                    # "live" if the HA product is already running

"""

_TAIL = """
[target]
false_failovers_per_year = 1        # what you can live with
# detection_s = 30                  # the longest time a real failure may stay unnoticed

[scenario]                          # stalls that timeouts must survive even if this run does not show them
off = []                            # by name, only if they cannot happen: "live-migration", "rstp"
on = []                             # "stp" if switch ports are not edge ports (50 s)

[probe]
period_s = 0.2                      # five probes a second on every path
port = 8862                         # UDP and TCP, on every address above, between the nodes only

[security]
key_file = "{key}"                  # chmod 600; the same on every node
"""

_PAIR = """[network.public]
kind = "public"                     # where clients come in; the default gateway belongs here

[network.channel]
kind = "channel"                    # heartbeat and replication; another subnet than public
# rate_bps = 1_000_000_000          # nominal or contracted rate

[[node]]
name = "sip-a"                      # how this node is called in --node and in the report
role = "primary"
site = "{site_a}"
host = "esx-1"                      # the physical machine; two nodes on one machine are no HA
addr = {{ public = "10.16.7.101/24", channel = "{channel_a}" }}

[[node]]
name = "sip-b"
role = "secondary"
site = "{site_b}"
host = "esx-2"
addr = {{ public = "{public_b}", channel = "{channel_b}" }}

"""

_TRIO = """[network.public]
kind = "public"                     # where clients come in; the default gateway belongs here

[network.management]
kind = "management"                 # second address on the public NIC, below the public one
probe = false                       # same NIC and subnet as public: no need to probe it as well

[network.ch-ab]
kind = "channel"                    # primary to secondary, cross-over cable
rate_bps = 1_000_000_000

[network.ch-ac]
kind = "channel"                    # primary to tertiary, over the WAN
vlan = 8
# rate_bps = 100_000_000            # what the carrier sold

[network.ch-bc]
kind = "channel"                    # secondary to tertiary, over the WAN
vlan = 10

[[node]]
name = "primary"                    # how this node is called in --node and in the report
role = "primary"
site = "main"
host = "esx-1"                      # the physical machine; two nodes on one machine are no HA
addr = { public = "10.16.7.101/24", management = "10.16.7.99/24", ch-ab = "192.168.1.101/24", ch-ac = "10.16.8.101/24" }

[[node]]
name = "secondary"
role = "secondary"
site = "main"
host = "esx-2"
addr = { public = "10.16.7.102/24", management = "10.16.7.98/24", ch-ab = "192.168.1.102/24", ch-bc = "10.16.10.102/24" }

[[node]]
name = "tertiary"
role = "tertiary"
site = "dr"
host = "esx-9"
addr = { public = "10.12.17.103/24", management = "10.12.17.99/24", ch-ac = "10.16.8.103/24", ch-bc = "10.16.10.103/24" }

"""

_STACK = """[[stack]]                           # a product, and the networks its heartbeat runs on
name = "genesys-addp"
networks = ["{network}"]
auto_failover = {pairs}{comment}
"""


def template(topology: Topology, cluster: str, file: str, key: str) -> str:
    """The text of a plan of that shape."""
    head = _HEAD.format(topology=topology.value, cluster=cluster, file=file)
    tail = _TAIL.format(key=key)
    if topology is Topology.HA_DR_TRIO:
        stack = _STACK.format(
            network="ch-ab",
            pairs='[["primary", "secondary"]]',
            comment="   # the DR leg is switched by hand, so no failover timeout there",
        )
        return head + _TRIO + stack + tail
    if topology is Topology.DR_PAIR:
        body = _PAIR.format(
            site_a="main",
            site_b="dr",
            public_b="10.12.17.102/24",
            channel_a="10.16.8.101/24",
            channel_b="10.16.8.102/24",
        )
        stack = _STACK.format(
            network="channel",
            pairs="[]",
            comment="                  # a DR pair is switched by hand: no failover timeout",
        )
        return head + body + stack + tail
    body = _PAIR.format(
        site_a="main",
        site_b="main",
        public_b="10.16.7.102/24",
        channel_a="192.168.1.101/24",
        channel_b="192.168.1.102/24",
    )
    return head + body + _STACK.format(network="channel", pairs='[["sip-a", "sip-b"]]', comment="") + tail
