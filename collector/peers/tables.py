"""What the services between nodes write: slots are facts, states are derived in the analyzer.

A *slot* is one planned transmission of a path; its number is the STAMP sequence number. `sent` and `reply`
stand in the sender's archive, `seen` in the reflector's. Times are differences of kernel stamps in microseconds.
The TCP echo writes `echo`, `echo_tcp`, `echo_end` and `idle` at the node that asks.
Bandwidth tests write `bandwidth` and `window`, or with UDP `datagrams`, at the node that sends the data, `served` at the one that
receives it, and `burst` and `burst_reply` at both; searches for the path MTU write `pmtu` at the sender.
"""

from __future__ import annotations

from collector.contract import Kind, Metric, Table

SENT = Table(
    "sent",
    labels=("path",),
    help="one row per slot; t_us is the intended time of the transmission",
    metrics=(
        Metric("slot", "1", Kind.COUNTER, help="number of the slot: whole periods since t0"),
        Metric("late_us", "s", Kind.EVENT, 1e-6, "actual minus intended time, monotonic clock"),
        Metric("tx_us", "s", Kind.EVENT, 1e-6, "from the call to the kernel's transmit stamp; null: no stamp came"),
        Metric(
            "flag",
            "1",
            Kind.EVENT,
            help="0 sent, -1 skipped because the sender was stalled, else the errno of the call",
        ),
    ),
)

SKIPPED = -1

_REPLIED = (
    Metric("slot", "1", Kind.EVENT, help="the slot that is answered"),
    Metric("fwd_us", "s", Kind.EVENT, 1e-6, "t2 - t1, clock offset included"),
    Metric("res_us", "s", Kind.EVENT, 1e-6, "t3 - t2, the peer's residence"),
    Metric("back_us", "s", Kind.EVENT, 1e-6, "t4 - t3, clock offset included; fwd + back is the wire's share"),
    Metric("rxq_us", "s", Kind.EVENT, 1e-6, "what is left of the monotonic round trip: mostly waiting to be read"),
    Metric("rseq", "1", Kind.EVENT, help="the reflector's own count of replies"),
    Metric("ttl", "1", Kind.EVENT, help="TTL of the reply on arrival; null: not told"),
    Metric("ttl_fwd", "1", Kind.EVENT, help="TTL of the probe at the reflector"),
    Metric(
        "flags",
        "1",
        Kind.EVENT,
        help="sum of 1 duplicate, 2 t1, 4 t2, 8 t3, 16 t4 from the kernel, 32 clock stepped",
    ),
    Metric("out_us", "s", Kind.EVENT, 1e-6, "of res_us, from the peer's call to its transmit stamp; null: not told"),
)

REPLY = Table(
    "reply",
    labels=("path",),
    timed=False,
    help="one row per reply, in order of arrival; t1..t4 are the four stamps of RFC 8762",
    metrics=_REPLIED,
)

BURST = Table(
    "burst",
    labels=("path",),
    help="like sent, of the fast probes that go beside the ordinary ones while a bandwidth test loads the path; slots of their own, of 40 ms",
    metrics=(
        Metric("slot", "1", Kind.COUNTER, help="number of the fast slot: whole 40 ms since t0"),
        *SENT.metrics[1:],
    ),
)

BURST_REPLY = Table(
    "burst_reply",
    labels=("path",),
    timed=False,
    help="like reply, to the fast probes of burst",
    metrics=_REPLIED,
)

DUPLICATE, T1_KERNEL, T2_KERNEL, T3_KERNEL, T4_KERNEL, STEPPED = 1, 2, 4, 8, 16, 32

SEEN = Table(
    "seen",
    labels=("path",),
    help="runs of consecutive slots that arrived at the reflector; a repeated number is a duplicate",
    metrics=(
        Metric("first", "1", Kind.EVENT, help="first slot of the run"),
        Metric("count", "1", Kind.EVENT, help="length of the run"),
    ),
)

TICKER = Table(
    "ticker",
    labels=("class",),
    help="a process that wants to wake every 20 ms, once a second; class is its scheduling class",
    metrics=(
        Metric("ticks", "1", Kind.EVENT, help="wake-ups in this second"),
        Metric("late_max_us", "s", Kind.EVENT, 1e-6, "the latest wake-up"),
        Metric(
            "run_delay_us", "s", Kind.EVENT, 1e-6, "time spent runnable but not running; null: kernel does not tell"
        ),
    ),
)

STALL = Table(
    "stall",
    labels=("class",),
    help="pauses of the ticker of 20 ms and more; t_us is when it should have woken",
    metrics=(
        Metric("length_us", "s", Kind.EVENT, 1e-6, "how much too late it woke"),
        Metric("run_delay_us", "s", Kind.EVENT, 1e-6, "share of it spent waiting for a CPU; 0: it was stopped"),
    ),
)

WIRE = Table(
    "wire",
    help="packets that are no probes of a peer, counted by kind since the start; only those of open_answered were answered",
    metrics=(
        Metric("malformed", "1", Kind.COUNTER, help="too short, too long or not STAMP"),
        Metric("unauthentic", "1", Kind.COUNTER, help="wrong key: an attacker, or a peer of an earlier session"),
        Metric("stranger", "1", Kind.COUNTER, help="from an address that is not in the plan"),
        Metric("replayed", "1", Kind.COUNTER, help="an old packet sent again"),
        Metric("send_errors", "1", Kind.COUNTER, help="replies that the kernel refused to send"),
        Metric("open_answered", "1", Kind.COUNTER, help="unauthenticated packets from open_to that were answered"),
        Metric("open_refused", "1", Kind.COUNTER, help="the same, not answered: too many, or from a reflector's port"),
    ),
)

BANDWIDTH = Table(
    "bandwidth",
    labels=("path",),
    help="one row per test that loaded the path, in the archive of the node that sent the data; t_us is when iperf3 was started",
    metrics=(
        Metric("loaded_us", "s", Kind.EVENT, 1e-6, "how long the path was loaded, from t_us to the end of iperf3"),
        Metric("received_B", "B", Kind.EVENT, help="bytes the receiver counted; null: the test failed"),
        Metric("receiver_us", "s", Kind.EVENT, 1e-6, "time the receiver counted them in"),
        Metric("limit_bps", "B/s", Kind.EVENT, 0.125, "the sender was held to this rate; null: not held"),
        Metric("retransmits", "1", Kind.EVENT, help="TCP segments the sender sent again; null: not told"),
        Metric("source_cpu_ppm", "ratio", Kind.EVENT, 1e-6, "CPU of iperf3 at the sender, share of one core"),
        Metric("target_cpu_ppm", "ratio", Kind.EVENT, 1e-6, "CPU of iperf3 at the receiver, share of one core"),
        Metric("kind", "1", Kind.EVENT, help="0 to fill the path, 1 at the planned data rate"),
    ),
)

DATAGRAMS = Table(
    "datagrams",
    labels=("path",),
    help="one row per test with UDP that loaded the path, in the archive of the node that sent the data; t_us is when iperf3 was started",
    metrics=(
        Metric("loaded_us", "s", Kind.EVENT, 1e-6, "how long the path was loaded, from t_us to the end of iperf3"),
        Metric("rate_bps", "B/s", Kind.EVENT, 0.125, "the rate it was sent at"),
        Metric("received_B", "B", Kind.EVENT, help="bytes the receiver counted; null: the test failed"),
        Metric("receiver_us", "s", Kind.EVENT, 1e-6, "time the receiver counted them in"),
        Metric("packets", "1", Kind.EVENT, help="datagrams up to the last one that arrived, lost ones included"),
        Metric("lost", "1", Kind.EVENT, help="those of them that the receiver missed; null: not told"),
        Metric("jitter_us", "s", Kind.EVENT, 1e-6, "jitter by RFC 1889 at the end of the test; null: not told"),
        Metric("source_cpu_ppm", "ratio", Kind.EVENT, 1e-6, "CPU of iperf3 at the sender, share of one core"),
        Metric("target_cpu_ppm", "ratio", Kind.EVENT, 1e-6, "CPU of iperf3 at the receiver, share of one core"),
    ),
)

WINDOW = Table(
    "window",
    labels=("path",),
    help="the receiver's count in steps of 0.1 s during a test; t_us is the beginning of the step, by the sender's clock",
    metrics=(
        Metric("length_us", "s", Kind.EVENT, 1e-6, "length of the step"),
        Metric("received_B", "B", Kind.EVENT, help="bytes the receiver counted in it"),
    ),
)

SERVED = Table(
    "served",
    labels=("path",),
    help="one row per test in the archive of the node that received the data; t_us is when its server was ready",
    metrics=(
        Metric("loaded_us", "s", Kind.EVENT, 1e-6, "until the server had ended"),
        Metric("kind", "1", Kind.EVENT, help="0 to fill the path, 1 at the planned data rate, 2 with UDP"),
    ),
)

ECHO = Table(
    "echo",
    labels=("path",),
    help="one row per message on the path's TCP connection, one a second whatever became of those before; t_us is when it was due",
    metrics=(
        Metric("slot", "1", Kind.COUNTER, help="number of the message: whole seconds since t0"),
        Metric("late_us", "s", Kind.EVENT, 1e-6, "actual minus intended time of sending, monotonic clock"),
        Metric("rtt_us", "s", Kind.EVENT, 1e-6, "arrival of the answer minus t_us; null: never answered, or not sent"),
        Metric(
            "flag",
            "1",
            Kind.EVENT,
            help="0 sent, -1 skipped because the sender was stalled, -2 there was no connection, else the errno of the call",
        ),
    ),
)

NOT_CONNECTED = -2

ECHO_TCP = Table(
    "echo_tcp",
    labels=("path",),
    help="what the kernel knew of the path's TCP connection, once a second; counters start at zero with every connection",
    metrics=(
        Metric("rtt_us", "s", Kind.GAUGE, 1e-6, "smoothed round trip"),
        Metric("rttvar_us", "s", Kind.GAUGE, 1e-6, "its mean deviation"),
        Metric("rto_us", "s", Kind.GAUGE, 1e-6, "retransmission timeout, doubled with every step of backoff"),
        Metric("backoff", "1", Kind.GAUGE, help="how often the timeout was doubled; 0 while segments get through"),
        Metric("retransmitted", "1", Kind.COUNTER, help="segments sent again since the connection was opened"),
    ),
)

ECHO_END = Table(
    "echo_end",
    labels=("path",),
    help="one row per end of the path's TCP connection; t_us is when this node noticed it",
    metrics=(
        Metric("opened_us", "s", Kind.EVENT, 1e-6, "when it was opened, as t_us"),
        Metric(
            "flag",
            "1",
            Kind.EVENT,
            help="0 orderly (a run ended), -1 the other end closed it, -3 what came was not authentic, else the errno",
        ),
        Metric(
            "same",
            "1",
            Kind.EVENT,
            help="1: the next connection met the same start of the peer, 0: another start, null: nobody was met again",
        ),
    ),
)

ORDERLY, CLOSED, FORGED = 0, -1, -3

IDLE = Table(
    "idle",
    labels=("path",),
    help="one row per use of a TCP connection that had carried nothing for a while; t_us is when it was used, or found to be cut",
    metrics=(
        Metric("planned_s", "s", Kind.EVENT, help="how long it was to be idle"),
        Metric("age_s", "s", Kind.EVENT, help="how long it was idle"),
        Metric(
            "alive", "1", Kind.EVENT, help="1 answered, 0 dropped, null: cannot be told, the path itself did not answer"
        ),
        Metric("flag", "1", Kind.EVENT, help="0 answered, -4 no answer in time, else as in echo_end"),
    ),
)

UNANSWERED = -4

PMTU = Table(
    "pmtu",
    labels=("path",),
    help="one row per search for the path MTU of this direction; sizes of whole IP packets with don't-fragment set",
    metrics=(
        Metric("size_B", "B", Kind.EVENT, help="the largest that arrived whole; null: none did"),
        Metric("refused_B", "B", Kind.EVENT, help="the smallest that did not arrive; null: the interface's MTU passes"),
        Metric("nic_B", "B", Kind.EVENT, help="MTU of the egress interface; null: it takes any packet"),
        Metric("told_B", "B", Kind.EVENT, help="the smallest MTU that a router named by ICMP; null: none did"),
        Metric("flag", "1", Kind.EVENT, help="0 found, 1 given up because small packets were not answered either"),
    ),
)

REACH = Table(
    "reach",
    labels=("path", "port"),
    help="one row per test of a port that the plan lists; the peer was asked to listen there",
    metrics=(
        Metric(
            "result", "1", Kind.EVENT, help="0 open, 1 open (another program), 2 refused, 3 no answer, 4 not tested"
        ),
        Metric("took_us", "s", Kind.EVENT, 1e-6, "from the question to the peer to the result"),
    ),
)

TABLES = (
    SENT,
    REPLY,
    SEEN,
    BURST,
    BURST_REPLY,
    TICKER,
    STALL,
    WIRE,
    BANDWIDTH,
    WINDOW,
    DATAGRAMS,
    SERVED,
    PMTU,
    REACH,
    ECHO,
    ECHO_TCP,
    ECHO_END,
    IDLE,
)
