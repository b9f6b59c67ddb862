"""What `haready plan init` writes: commented plans with example addresses, to be edited.

Lines that begin with ``#`` and no blank are examples that are switched off: a plan stays good when they are switched on.
The module is long because each text is meant to be read from top to bottom.
"""

from __future__ import annotations

from collector.plan import Topology

_HEAD = """\
# The plan of one assessment: who takes part, over which networks, and what is to be installed.
#
# How to fill it in
#   1. Every name, address, NIC, switch and rate below is an example: put in your own.
#   2. Lines that begin with # and no blank, such as  #vlan = 7  are switched off. Take the # away if you need them.
#   3. haready plan check {file}       lists every mistake and every doubt
#   4. haready plan schedule {file}    shows what will be sent, and which ports to open in the firewalls
#   5. Copy this file and {key} to every node, then on each: haready collect --plan {file} --node NAME
# Every key is explained in docs/plan.md.
format = 1

[cluster]
name = "{cluster}"
topology = "{topology}"
phase = "before"                    # "live" if the HA product is already running

# ---- Networks: one block for each, with a name of your choice ------------------------------------------------------
# kind       public: clients come in here     management: second address on the public NIC
#            channel: heartbeat, replication  sip: SIP traffic   sync: Genesys HA synchronisation
# rate_bps   nominal rate of a LAN, contracted rate of a WAN line, in bit/s: 1_000_000_000 is 1 Gbit/s
# load_bps   what replication will send over it, each way, if you know: tests at that rate are added
# dscp       mark of the probe packets, 0 to 63; set it to what your heartbeat will carry
# bandwidth  whether bandwidth tests may load this network; by default true for channels only

"""

_NODES = """\
# ---- Nodes: the machines to be assessed ----------------------------------------------------------------------------
# host   the physical machine (for a virtual one: the machine it runs on)
# power  the power feed of that machine
# in_use true: it serves somebody already, so measure for 24 h; false: a new machine, 15 min are enough
# nic    the interface as the operating system calls it: "eth1", or "Ethernet 2" on Windows
# switch, port   where the cable goes; leave both out for a cross-over cable
# vlan   only where it is another than the network's: beside switch and port

"""

_OBSERVERS = """\
# ---- Observers: machines that the cluster depends on. They get one ping a second from every node, nothing else -------

"""

_TWO_SITES = """\
[[observer]]
name = "scs"                        # Solution Control Server: it decides on a switchover
kind = "scs"
addr = "10.16.7.20"

[[observer]]
name = "gateway-main"
kind = "gateway"
addr = "10.16.7.1"

[[observer]]
name = "gateway-dr"
kind = "gateway"
addr = "10.12.17.1"

[[observer]]
name = "dns"
kind = "dns"
addr = "10.16.7.53"

#[[observer]]
#name = "witness"                   # at a third site, if there is one
#kind = "witness"
#addr = "10.20.1.30"

#[[observer]]
#name = "softswitch"                # anything else that answers a ping
#kind = "ping"
#addr = "10.16.7.40"

#[[observer]]
#name = "service-address"           # an address that the product will move between the nodes; nobody may have it before
#kind = "virtual"
#addr = "10.16.7.200"

#[[observer]]
#name = "fencing"                   # what switches a node off: its management board, a power strip
#kind = "fencing"
#addr = "10.16.9.40"

"""

_STACKS = """\
# ---- Stacks: what is to be installed, and the networks its heartbeat runs on; `haready list stacks` shows all --------
# auto_failover: the pairs of nodes that fail over without a person. Pairs not named get no failover timeout.
# ports: what firewalls have to let through between the nodes: "tcp/NUMBER", "udp/NUMBER", and "ip/112" for VRRP.
#        Each is tried both ways, by listening there for seconds while nothing else does.
# current_s: the timeout in force already, if there is one: without [stack.override] no shorter one is recommended.

"""

_TAIL = """\
# ---- What timeouts must survive, and what may be sent -----------------------------------------------------------------

[scenario]                          # stalls that timeouts must survive even if this run does not show them
off = []                            # by name, only if they cannot happen: "live-migration", "rstp"
on = []                             # "stp" if switch ports are not edge ports (50 s)

[target]
false_failovers_per_year = 1        # what you can live with: the class of every setting is judged against it; it shortens nothing
#detection_s = 30                   # how soon a failure has to be noticed; the report says which settings cannot keep it

[probe]
period_s = 0.2                      # five probes a second on every path
port = 8862                         # UDP and TCP, on every address above, between the nodes only

#[replication]                       # what no run can show of the replication to come
#growth = 0.3                        # by how much the writes will grow
#compression = 2.0                   # only if a test or the vendor says so for your data
#size_B = 500_000_000_000            # what a full copy carries, if it is not all that the disk holds

[bandwidth]                         # tests one after the other, never two at a time
budget_B = 10_000_000_000           # bytes that one path and direction may cost in a run; 0: no tests (the default if "live")
#every_s = 3600                     # from one round of tests to the next; by default an hour, less in short runs
port = 8863                         # TCP (and UDP with load_bps or udp_bps), between the nodes only
quiet = []                          # times of day without tests, in UTC, such as ["08:00-18:00"]
#cap_bps = 500_000_000              # no test sends faster than this; by default only lines between sites are capped
#seconds = 5                        # length of a test; by default 2 s within a site, 30 s between sites
#udp_bps = 20_000_000               # a test with UDP in every round; by default at load_bps, where that is stated
#cpu_limit = 0.8                    # no test beside programs that use more of all CPUs than this
#traffic_limit = 0.3                # ... or more of an interface's speed

[security]
key_file = "{key}"                  # chmod 600; the same on every node
#open_to = ["192.0.2.50"]           # test senders without the key (STAMP, TWAMP Light); by default nobody
"""

_HA_PAIR = (
    """\
[network.public]
kind = "public"                     # the default gateway belongs here, and nowhere else
vlan = 7

[network.management]
kind = "management"                 # on Windows its address must be below the public one
vlan = 7
probe = false                       # same NIC and subnet as public: no need to probe it as well

[network.ch1]
kind = "channel"                    # a subnet of its own, here over a cross-over cable
rate_bps = 1_000_000_000

[network.ch2]
kind = "channel"                    # a second way, over other NICs and another switch, guards against split brain
vlan = 12
rate_bps = 1_000_000_000
dscp = 0

#[network.sip]
#kind = "sip"                       # SIP on a NIC of its own
#vlan = 20

#[network.sync]
#kind = "sync"                      # HA synchronisation of two SIP Servers, if not over a channel
#vlan = 21
#dscp = 46
#bandwidth = true
#rate_bps = 1_000_000_000

"""
    + _NODES
    + """\
[[node]]
name = "sip-a"                      # how this node is called in --node and in the report
role = "primary"
site = "main"
host = "esx-1"                      # two nodes on one physical machine are no HA
power = "feed-A"
in_use = true
#data = ["/var/lib/app"]             # folders the product will commit to: small writes are timed there
[node.addr]
public     = { ip = "10.16.7.101/24",   nic = "eth0", switch = "sw-1", port = "5" }
management = { ip = "10.16.7.99/24",    nic = "eth0", switch = "sw-1", port = "5" }
ch1        = { ip = "192.168.1.101/24", nic = "eth1" }
ch2        = { ip = "192.168.2.101/24", nic = "eth2", switch = "sw-2", port = "5" }
#sip       = { ip = "10.16.20.101/24",  nic = "eth3", switch = "sw-1", port = "15" }
#sync      = { ip = "10.16.21.101/24",  nic = "eth4", switch = "sw-1", port = "25" }

[[node]]
name = "sip-b"
role = "secondary"
site = "main"
host = "esx-2"
power = "feed-B"
in_use = true
[node.addr]
public     = { ip = "10.16.7.102/24",   nic = "eth0", switch = "sw-1", port = "6" }
management = { ip = "10.16.7.98/24",    nic = "eth0", switch = "sw-1", port = "6" }
ch1        = { ip = "192.168.1.102/24", nic = "eth1" }
ch2        = { ip = "192.168.2.102/24", nic = "eth2", switch = "sw-2", port = "6" }
#sip       = { ip = "10.16.20.102/24",  nic = "eth3", switch = "sw-1", port = "16" }
#sync      = { ip = "10.16.21.102/24",  nic = "eth4", switch = "sw-1", port = "26" }

"""
    + _OBSERVERS
    + """\
[[observer]]
name = "scs"                        # Solution Control Server: it decides on a switchover
kind = "scs"
addr = "10.16.7.20"

[[observer]]
name = "gateway"                    # default gateway
kind = "gateway"
addr = "10.16.7.1"

[[observer]]
name = "dns"
kind = "dns"
addr = "10.16.7.53"

#[[observer]]
#name = "witness"                   # or quorum disk host
#kind = "witness"
#addr = "10.16.9.30"

#[[observer]]
#name = "softswitch"                # anything else that answers a ping
#kind = "ping"
#addr = "10.16.7.40"

#[[observer]]
#name = "service-address"           # an address that the product will move between the nodes; nobody may have it before
#kind = "virtual"
#addr = "10.16.7.200"

#[[observer]]
#name = "fencing"                   # what switches a node off: its management board, a power strip
#kind = "fencing"
#addr = "10.16.9.40"

"""
    + _STACKS
    + """\
[[stack]]
name = "genesys-addp"
networks = ["ch1"]
ports = []                          # add the port that you give the HA synchronisation: "tcp/NUMBER"
auto_failover = [["sip-a", "sip-b"]]

#[[stack]]
#name = "neverfail"
#networks = ["ch1", "ch2"]
#ports = ["tcp/57348"]               # the channel port, unless you change it
#auto_failover = [["sip-a", "sip-b"]]

"""
)

_DR_PAIR = (
    """\
[network.public]
kind = "public"                     # the default gateways belong here; another subnet at each site
dscp = 0

[network.management]
kind = "management"                 # on Windows its address must be below the public one
probe = false                       # same NIC and subnet as public: no need to probe it as well

[network.ch1]
kind = "channel"                    # replication over the WAN, a subnet of its own
vlan = 8
rate_bps = 100_000_000              # what the carrier sold: needed here, or the line is not tested
dscp = 0

#[network.ch2]
#kind = "channel"                   # a second line, best of another carrier
#vlan = 10
#rate_bps = 20_000_000
#bandwidth = false                  # too thin to be loaded during working hours

#[network.sip]
#kind = "sip"                       # SIP on a NIC of its own
#vlan = 20

#[network.sync]
#kind = "sync"                      # HA synchronisation of two SIP Servers, if not over a channel
#vlan = 21
#dscp = 46

"""
    + _NODES
    + """\
[[node]]
name = "sip-a"                      # how this node is called in --node and in the report
role = "primary"
site = "main"                       # nodes with different sites are across a WAN
host = "esx-1"
power = "feed-A"
in_use = true
#data = ["/var/lib/app"]             # folders the product will commit to: small writes are timed there
[node.addr]
public     = { ip = "10.16.7.101/24",   nic = "eth0", switch = "sw-1", port = "5" }
management = { ip = "10.16.7.99/24",    nic = "eth0", switch = "sw-1", port = "5" }
ch1        = { ip = "10.16.8.101/24",   nic = "eth1", switch = "sw-2", port = "5" }
#ch2       = { ip = "10.16.10.101/24",  nic = "eth2", switch = "sw-3", port = "5" }
#sip       = { ip = "10.16.20.101/24",  nic = "eth3", switch = "sw-1", port = "15" }
#sync      = { ip = "10.16.21.101/24",  nic = "eth4", switch = "sw-2", port = "25" }

[[node]]
name = "sip-dr"
role = "secondary"
site = "dr"
host = "esx-9"
power = "dr-feed-A"
in_use = true
[node.addr]
public     = { ip = "10.12.17.102/24",  nic = "eth0", switch = "dr-sw-1", port = "5" }
management = { ip = "10.12.17.98/24",   nic = "eth0", switch = "dr-sw-1", port = "5" }
ch1        = { ip = "10.16.8.102/24",   nic = "eth1", switch = "dr-sw-2", port = "5" }
#ch2       = { ip = "10.16.10.102/24",  nic = "eth2", switch = "dr-sw-3", port = "5" }
#sip       = { ip = "10.16.20.102/24",  nic = "eth3", switch = "dr-sw-1", port = "15" }
#sync      = { ip = "10.16.21.102/24",  nic = "eth4", switch = "dr-sw-2", port = "25" }

"""
    + _OBSERVERS
    + _TWO_SITES
    + _STACKS
    + """\
[[stack]]
name = "genesys-addp"
networks = ["ch1"]
ports = []                          # add the port that you give the HA synchronisation: "tcp/NUMBER"
auto_failover = []                  # a DR pair is switched by hand: no failover timeout

#[[stack]]
#name = "neverfail"
#networks = ["ch1"]
#ports = ["tcp/57348"]               # the channel port, unless you change it
#auto_failover = []                 # likewise

"""
)

_TRIO = (
    """\
[network.public]
kind = "public"                     # the default gateways belong here
vlan = 7                            # at main; the tertiary's address below says 17, the VLAN at the DR site

[network.management]
kind = "management"                 # on Windows its address must be below the public one
vlan = 7
probe = false                       # same NIC and subnet as public: no need to probe it as well

[network.ch-ab]
kind = "channel"                    # primary to secondary, here over a cross-over cable
rate_bps = 1_000_000_000

[network.ch-ac]
kind = "channel"                    # primary to tertiary, over the WAN
vlan = 8
rate_bps = 100_000_000              # what the carrier sold: needed here, or the line is not tested
dscp = 0

[network.ch-bc]
kind = "channel"                    # secondary to tertiary, over the WAN
vlan = 10
rate_bps = 100_000_000

#[network.ch-ab2]
#kind = "channel"                   # a second way inside the pair guards against split brain
#vlan = 12
#rate_bps = 1_000_000_000

#[network.sip]
#kind = "sip"                       # SIP on a NIC of its own
#vlan = 20

#[network.sync]
#kind = "sync"                      # HA synchronisation of two SIP Servers, if not over a channel
#vlan = 21
#dscp = 46
#bandwidth = true
#rate_bps = 1_000_000_000

"""
    + _NODES
    + """\
[[node]]
name = "primary"                    # how this node is called in --node and in the report
role = "primary"
site = "main"                       # nodes with different sites are across a WAN
host = "esx-1"                      # two nodes on one physical machine are no HA
power = "feed-A"
in_use = true
#data = ["/var/lib/app"]             # folders the product will commit to: small writes are timed there
[node.addr]
public     = { ip = "10.16.7.101/24",   nic = "eth0", switch = "sw-1", port = "5" }
management = { ip = "10.16.7.99/24",    nic = "eth0", switch = "sw-1", port = "5" }
ch-ab      = { ip = "192.168.1.101/24", nic = "eth1" }
ch-ac      = { ip = "10.16.8.101/24",   nic = "eth2", switch = "sw-2", port = "5" }
#ch-ab2    = { ip = "192.168.2.101/24", nic = "eth3", switch = "sw-2", port = "15" }
#sip       = { ip = "10.16.20.101/24",  nic = "eth4", switch = "sw-1", port = "15" }
#sync      = { ip = "10.16.21.101/24",  nic = "eth5", switch = "sw-1", port = "25" }

[[node]]
name = "secondary"
role = "secondary"
site = "main"
host = "esx-2"
power = "feed-B"
in_use = true
[node.addr]
public     = { ip = "10.16.7.102/24",   nic = "eth0", switch = "sw-1", port = "6" }
management = { ip = "10.16.7.98/24",    nic = "eth0", switch = "sw-1", port = "6" }
ch-ab      = { ip = "192.168.1.102/24", nic = "eth1" }
ch-bc      = { ip = "10.16.10.102/24",  nic = "eth2", switch = "sw-2", port = "6" }
#ch-ab2    = { ip = "192.168.2.102/24", nic = "eth3", switch = "sw-2", port = "16" }
#sip       = { ip = "10.16.20.102/24",  nic = "eth4", switch = "sw-1", port = "16" }
#sync      = { ip = "10.16.21.102/24",  nic = "eth5", switch = "sw-1", port = "26" }

[[node]]
name = "tertiary"
role = "tertiary"
site = "dr"
host = "esx-9"
power = "dr-feed-A"
in_use = true
[node.addr]
public     = { ip = "10.12.17.103/24",  nic = "eth0", switch = "dr-sw-1", port = "5", vlan = 17 }
management = { ip = "10.12.17.99/24",   nic = "eth0", switch = "dr-sw-1", port = "5", vlan = 17 }
ch-ac      = { ip = "10.16.8.103/24",   nic = "eth1", switch = "dr-sw-2", port = "5" }
ch-bc      = { ip = "10.16.10.103/24",  nic = "eth2", switch = "dr-sw-2", port = "6" }

"""
    + _OBSERVERS
    + _TWO_SITES
    + _STACKS
    + """\
[[stack]]
name = "neverfail"
networks = ["ch-ab", "ch-ac", "ch-bc"]
ports = ["tcp/57348"]               # the channel port, unless you change it
auto_failover = [["primary", "secondary"]]      # the DR server is made active by hand, so no failover timeout there

#[[stack]]
#name = "genesys-addp"              # two SIP Servers in the pair
#networks = ["ch-ab"]
#ports = []                         # add the port that you give the HA synchronisation: "tcp/NUMBER"
#auto_failover = [["primary", "secondary"]]

"""
)

_CUSTOM_NODE = """\
[[node]]
name = "node-{n}"{note}
role = "member"
site = "main"
host = "rack-{n}"
power = "feed-{feed}"
in_use = true
[node.addr]
public     = {{ ip = "10.16.7.10{n}/24",   nic = "eth0", switch = "sw-1", port = "{n}" }}
cluster    = {{ ip = "192.168.1.10{n}/24", nic = "eth1", switch = "sw-2", port = "{n}" }}
#cluster2  = {{ ip = "192.168.2.10{n}/24", nic = "eth2", switch = "sw-3", port = "{n}" }}

"""

_CUSTOM = (
    """\
[network.public]
kind = "public"                     # the default gateway belongs here, and nowhere else
vlan = 7

[network.cluster]
kind = "channel"                    # the members talk to each other here: a subnet of its own
vlan = 11
rate_bps = 1_000_000_000
dscp = 0

#[network.cluster2]
#kind = "channel"                   # a second ring, over other NICs and another switch
#vlan = 12
#rate_bps = 1_000_000_000

# Other kinds: "management", "sip", "sync".

"""
    + _NODES
    + "# Any number of nodes from 2; an odd number keeps a majority when one is lost.\n\n"
    + "".join(
        _CUSTOM_NODE.format(
            n=number,
            feed=feed,
            note="                     # how this node is called in --node and in the report" if number == 1 else "",
        )
        for number, feed in enumerate("ABC", 1)
    )
    + _OBSERVERS
    + """\
[[observer]]
name = "gateway"                    # default gateway
kind = "gateway"
addr = "10.16.7.1"

[[observer]]
name = "dns"
kind = "dns"
addr = "10.16.7.53"

#[[observer]]
#name = "witness"                   # quorum device
#kind = "witness"
#addr = "10.16.9.30"

#[[observer]]
#name = "scs"                       # Genesys Solution Control Server
#kind = "scs"
#addr = "10.16.7.20"

#[[observer]]
#name = "client"                    # anything else that answers a ping
#kind = "ping"
#addr = "10.16.7.40"

#[[observer]]
#name = "service-address"           # an address that the product will move between the nodes; nobody may have it before
#kind = "virtual"
#addr = "10.16.7.200"

#[[observer]]
#name = "fencing"                   # what switches a node off: its management board, a power strip
#kind = "fencing"
#addr = "10.16.9.40"

"""
    + _STACKS
    + """\
# No stack is named here: the run is measured and judged all the same, but nothing is recommended.
#[[stack]]
#name = "genesys-addp"
#networks = ["cluster"]
#ports = []                          # add the port that you give the HA synchronisation: "tcp/NUMBER"
#auto_failover = [["node-1", "node-2"]]

"""
)

_BODIES = {
    Topology.HA_PAIR: _HA_PAIR,
    Topology.DR_PAIR: _DR_PAIR,
    Topology.HA_DR_TRIO: _TRIO,
    Topology.CUSTOM: _CUSTOM,
}


def template(topology: Topology, cluster: str, file: str, key: str) -> str:
    """The text of a plan of that shape."""
    head = _HEAD.format(topology=topology.value, cluster=cluster, file=file, key=key)
    return head + _BODIES[topology] + _TAIL.format(key=key)
