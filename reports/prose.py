"""The fixed texts of the method section: how it was measured, and what the words mean."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Assessment
from reports import figures
from reports.texts import each, mark, say

METHOD = (
    (
        mark("Probes"),
        (
            mark(
                "Every node sends small UDP packets to every other node on every network, in the STAMP format of RFC 8762, "
                "authenticated mode. The send times are fixed before the run: a slow answer does not delay the "
                "next probe, so a bad second is not counted less than a good one."
            )
        ),
    ),
    (
        mark("RTT and wire time"),
        (
            mark(
                "RTT is what an application sees: the sender's queue, the wire and the other machine's time to answer; not how long "
                "the answer then lay unread. Wire time is the network alone: it comes from kernel timestamps at both ends, and the time "
                "inside the peer is taken out. A large RTT with a small wire time points at a machine, not at the network."
            )
        ),
    ),
    (
        mark("Loss and outages"),
        (
            mark(
                "A probe without an answer is lost. The archives of both nodes tell which way it was lost. The range beside "
                "a loss is its 95 % confidence interval: with few probes it is wide, and limits are held against its lower "
                "end. Several probes in a row that were lost, or answered more than a second late, are an outage. Probes that a stalled sender did not send, or that a "
                "stopped peer could not answer, are unjudged and kept apart."
            )
        ),
    ),
    (
        mark("TCP"),
        (
            mark(
                "On channels and on the networks of the products, a connection stays open and carries one small message a second, on "
                "schedule whatever became of those before. A silence runs from when a message was due, or from the answer before, to its "
                "answer. Other connections are left idle for 5, 30, 60 and 120 minutes and then used: a firewall may have forgotten them. A "
                "peer that ended or was started again is no fault of the network."
            )
        ),
    ),
    (
        mark("Bandwidth"),
        (
            mark(
                "Where the plan allows it, short tests send as fast as the plan's limit lets them, one direction at a time. Probes "
                "that are under way during a test stand apart: they show what a full line does to a heartbeat, and count in the timeouts, but in no figure at rest."
            )
        ),
    ),
    (
        mark("Stalls"),
        (
            mark(
                "A small program on every node asks to be woken every few milliseconds and notes when it is late. A late "
                "wake-up means that the machine stood still for a cluster product too."
            )
        ),
    ),
    (
        mark("Causes of slow answers"),
        (
            mark(
                "Kernel stamps split the delay of each slow answer into the sender's lateness, its queue, the wire and the peer's time to "
                "answer. The part that grew most is to blame. Whether a machine waited for a CPU or was stopped, its own ticker tells."
            )
        ),
    ),
    (
        mark("One time base"),
        (
            mark(
                "The clocks of the nodes are aligned without trusting wall clocks: for every ten minutes, the tenth of the "
                "probes with the lowest RTT gives the offset. Its error is at most half of that RTT."
            )
        ),
    ),
    (
        mark("Replay of failure detectors"),
        (
            mark(
                "Every product's own failure detector is replayed on the measured trace, with the value that is recommended and with shorter and longer ones. The value "
                "has to outlast twice the longest silence in all that the product needs (1.25 times where the product polls and waits again), and every candidate that its section lists. "
                "An hour of the run in which it would have given up a healthy peer is an incident; k of them bound their rate a year at 95 % "
                "(Garwood). Worse data never gives a shorter value, and no clean window goes below the vendor's default."
            )
        ),
    ),
    (
        mark("Verdict and score"),
        (
            mark(
                "A finding gives points to what it is about. The score of an area is the mean of its worst subject, and the "
                "worst area decides the overall score. What could not be judged has no points and is listed beside the score."
            )
        ),
    ),
)

RULES = {
    "genesys-addp": (
        mark("Timeout rule for ADDP"),
        (
            mark(
                "T = max(floor, ceil(2 x p99.9 RTT), ceil(1.25 x S)). S is the longest silence: pauses of the nodes, TCP's silence after "
                "outages, idle or under load, as computed and as the TCP echo measured it, and the scenarios that are on. T is the same in "
                "both directions and on both nodes. The reconnect timeout is at least 2 x T + p99.9 RTT. All are rounded up to whole seconds. A dead peer is noticed after T to 2 x T."
            )
        ),
    ),
    "neverfail": (
        mark("Timeout rule for Neverfail"),
        (
            mark(
                "T = max(60, ceil(1.25 x S)) seconds. S is the longest of: the pauses of either node, the time in which TCP was silent on "
                "all channels together after their outages, the longest silence of the TCP echo on all of them together, and the scenarios that "
                "are on. A clean run does not shorten the vendor's 60 s. A dead server is noticed after T, up to one heartbeat interval before "
                "it and one ping attempt after it."
            )
        ),
    ),
}
"""How a timeout comes about, by product; of the others their own pages say it."""

BEFORE = mark("Replay of failure detectors")


def method(assessment: Assessment) -> Iterator[tuple[str, ...]]:
    """How it was measured, in the reader's language, with the rules of the products that got settings and of no other."""
    products = list(dict.fromkeys(advice.stack for advice in assessment.recommendations))
    for title, text in METHOD:
        if title == BEFORE:
            yield from (each(*RULES[name]) for name in products if name in RULES)
            others = [name for name in products if name not in RULES]
            if others:
                yield (
                    say("Timeout rules of {names}", names=figures.listing(others)),
                    say(
                        "Section “Settings” lists what asks for a timeout, how each candidate is computed, and which decides."
                    ),
                )
        yield say(title), say(text)


GLOSSARY = (
    (
        mark("ADDP"),
        mark(
            "Advanced Disconnect Detection Protocol of Genesys: the two ends of a connection ask each other for a sign of life."
        ),
    ),
    (
        mark("RTT"),
        mark(
            "Round-trip time as an application sees it: the sender's queue, the wire, and the other machine's time to answer."
        ),
    ),
    (mark("Wire time"), mark("The part of the RTT that is spent in the network, there and back.")),
    (mark("p50, p99, p99.9"), mark("Of 1000 probes, 500, 990 or 999 were this fast or faster. p50 is the median.")),
    (
        mark("Goodput"),
        mark("What arrived in a bandwidth test per second, without headers and without what had to be sent again."),
    ),
    (
        mark("Observer"),
        mark(
            "A machine that the cluster depends on and that carries no collector, such as a gateway or a name server."
        ),
    ),
    (
        mark("Slot"),
        mark(
            "The moment at which a probe is due. What became of it (answered, lost there or back, not sent) is kept for every slot."
        ),
    ),
    (
        mark("Exposure"),
        (
            mark(
                "How long a path was really observed: slots that say something about the network, times the time between them. Time "
                "under bandwidth tests counts up to a fifth of the whole."
            )
        ),
    ),
    (mark("Outage"), mark("Several probes in a row on one path without an answer in time.")),
    (mark("Stall"), mark("A time in which a machine did nothing, for example during a snapshot or a live migration.")),
    (
        mark("Split brain"),
        mark("Both nodes believe that the other one is dead and both become active. Data is damaged."),
    ),
    (
        mark("vCSHB"),
        (
            mark(
                "vCenter Server Heartbeat, the name under which VMware sold Neverfail Heartbeat. Its guides are the vendor's sources "
                "that could be read."
            )
        ),
    ),
    (
        mark("NF, GSIP"),
        mark("The documents of Neverfail, and the Genesys SIP Server high-availability guide, as sources of limits."),
    ),
    (
        mark("Design value"),
        mark(
            "A limit for which no vendor or standard names a figure; it was chosen for this report and can be argued about."
        ),
    ),
    (
        mark("Not judged"),
        mark("The check could not be made, for example because the run was too short. This is never a pass."),
    ),
    (
        mark("Suitable"),
        mark("No check that this version makes speaks against the cluster. What was not checked is listed."),
    ),
    (
        mark("Suitable with conditions"),
        mark("Nothing failed, but the listed points have to be put right or accepted in writing."),
    ),
    (mark("Not suitable"), mark("At least one limit was failed. The cluster may fail over for nothing, or lose data.")),
    (mark("No answer yet"), mark("Too little or damaged data. This is no judgement of the site.")),
    (
        mark("Certified, model-backed, unrefuted"),
        (
            mark(
                "The class of a setting: the measurement alone bounds its false alarms below the target; it would but for a doubt about the data, or a model does; "
                "or nothing seen speaks against it and nothing proves it. The class chooses no value."
            )
        ),
    ),
    (
        mark("Floor"),
        (
            mark(
                "The smallest timeout that is recommended, whatever was measured: the vendor's default or advice, or a design value "
                "where the vendor names none. Only the plan can lower it, and only after 15 minutes of measurement."
            )
        ),
    ),
)
