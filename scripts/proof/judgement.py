"""What was promised, held against what the senders know, the target received and the journal keeps.

Order: the events of one person for one action are a lane, and its senders number them. An event may come to the target
again, but only until the next one of its lane has come: the numbers of a lane, in the order of receipt, never fall. This
holds across crashes, for the next one is attempted only once it is on disk that the one before it has ended.

Twice: an event comes again only if it was under way when the server was killed, so that no answer, or no answer that is
on disk, was known of it. At most `concurrency` attempts of an action are under way at once, hence per kill and action at
most so many events come again, and within one life of the server none does, unless the target spoiled the answer.
"""

import collections
import dataclasses

from .server import CONCURRENCY

ACTIONS = 2


@dataclasses.dataclass
class Judgement:
    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    in_doubt: int = 0
    entries: int = 0
    received: int = 0
    missing: int = 0
    missing_entries: int = 0
    strange_entries: int = 0
    double_entries: int = 0
    undeclared: int = 0
    again: int = 0
    again_within_a_life: int = 0
    again_beyond_bound: int = 0
    out_of_order: int = 0
    wrong_verdicts: int = 0
    findings: list = dataclasses.field(default_factory=list)

    # What each figure is called, and whether it must be nothing.
    TITLES = (
        ("sent", "events sent", False),
        ("acknowledged", "acknowledged", False),
        ("refused", "refused, to be sent again", False),
        ("in_doubt", "without an answer (killed meanwhile)", False),
        ("entries", "entries in the journal", False),
        ("received", "receipts at the target", False),
        ("again", "of these, an event come again", False),
        ("missing", "acknowledged, and never at the target", True),
        ("missing_entries", "acknowledged, and not in the journal", True),
        ("double_entries", "entries of one event, more than one", True),
        ("strange_entries", "entries that nobody sent", True),
        ("undeclared", "at the target, and not in the journal", True),
        ("again_within_a_life", "come again without a kill", True),
        ("again_beyond_bound", "come again beyond what was under way", True),
        ("out_of_order", "receipts after a later one of their person", True),
        ("wrong_verdicts", "verdicts that were wrong", True),
    )

    def broken(self):
        """The promises that were not kept."""
        wrong = [f"{title}: {getattr(self, name)}" for name, title, zero in self.TITLES if zero and getattr(self, name)]
        return wrong + [f"the journal: {finding}" for finding in self.findings]

    def figures(self):
        return dataclasses.asdict(self)


def judge(senders, target, entries, verification=(), spoiled=False):
    """`entries` are the journal's, by name. `spoiled`: the target spoils answers, so that events come again."""
    found = Judgement()
    sent = list(senders.sent)
    found.sent = len(sent)
    acknowledged = [one for one in sent if one.acknowledged]
    found.acknowledged = len(acknowledged)
    found.refused = sum(one.status == 503 for one in sent)
    doubtful = {one.name for one in sent if one.status is None}
    found.in_doubt = len(doubtful)
    found.wrong_verdicts = len(senders.wrong)
    unexpected = collections.Counter(one.status for one in sent if one.status not in (None, 0, 200, 503))
    found.findings += [f"{count} replies had status {status}" for status, count in unexpected.items()]

    found.entries = len(entries)
    kept = collections.Counter(entries)
    found.double_entries = sum(count - 1 for count in kept.values())
    known = {one.name for one in acknowledged}
    found.missing_entries = len(known - kept.keys())
    found.strange_entries = len(kept.keys() - known - doubtful)

    receipts = list(target.receipts)
    found.received = len(receipts)
    came = {(one.action, one.person, one.number) for one in receipts}
    found.missing = sum((one.action, one.person, one.number) not in came for one in acknowledged)
    names = {(one.action, one.person, one.number): one.name for one in sent}
    found.undeclared = sum(names.get(event) not in kept for event in came)
    count_repeats(found, receipts, spoiled)
    latest = {}
    for one in receipts:
        lane = (one.action, one.person)
        found.out_of_order += one.number < latest.get(lane, 0)
        latest[lane] = max(one.number, latest.get(lane, 0))
    found.findings += verification
    return found


def count_repeats(found, receipts, spoiled):
    """Receipts of what had come before: in the same life, and in each life after a kill."""
    lives = {}  # event: the last life in which it came
    keys = {}
    after_kill = collections.Counter()
    for one in receipts:
        event = (one.action, one.person, one.number)
        if keys.setdefault(event, one.key) != one.key:
            found.findings.append(f"{event} came under two idempotency keys")
        if event in lives:
            found.again += 1
            if lives[event] == one.life:
                found.again_within_a_life += not spoiled
            else:
                after_kill[one.life, one.action] += 1
        lives[event] = one.life
    if not spoiled:
        found.again_beyond_bound = sum(max(0, count - CONCURRENCY) for count in after_kill.values())


def show(title, found, extra=()):
    print(f"\n{title}")
    for name, what in extra:
        print(f"  {what:>12}  {name}")
    for name, what, zero in Judgement.TITLES:
        value = getattr(found, name)
        mark = "" if not zero else "  (must be 0)" if value == 0 else "  <- must be 0"
        print(f"  {value:12,}  {what}{mark}")
    if not found.findings:
        print("            0  findings in the journal's chain, and in its file")
    for problem in found.findings:
        print(f"  <- {problem}")
