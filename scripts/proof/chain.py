"""The journal's chain, reckoned by another program than the one that made it: each entry's hash is SHA-256 over the hash
before it, its header and the digest of what is stored. Without a chain key and without retention, as in these trials."""

import hashlib

KINDS = ("event", "tombstone", "cut", "key_rotation", "restored")
ROWS = """SELECT seq, entries.id, at, kind, system, tenant, event, outcome, cause, person, rule, rule_sets.hash, took,
  repeat_of, digest, entries.hash, stored FROM entries LEFT JOIN rule_sets ON rule_sets.id = rule_set ORDER BY seq"""


def number(value):
    return (value or 0).to_bytes(8, "big", signed=True)


def text(value):
    value = (value or "").encode()
    return number(len(value)) + value


def findings(rows, limit=20):
    """What is wrong with these entries, from the first on."""
    found, before, expected = [], bytes(32), 1
    for (seq, name, at, kind, system, tenant, event, outcome, cause, person, rule, rules, took, repeat_of, digest, link,
         stored) in rows:
        if seq != expected:
            found.append(f"entries {expected} to {seq - 1} are missing")
        if stored is not None and hashlib.sha256(stored).digest() != digest:
            found.append(f"entry {seq}: its payload is not what was stored")
        header = b"".join((
            b"\x01", number(seq), name, number(at), text(KINDS[kind]), *map(text, (system, tenant, event, outcome, cause)),
            person, bytes([rule is not None]), text(rule), rules or bytes(32), number(took), number(repeat_of), digest))
        if seq == expected and hashlib.sha256(before + header).digest() != link:
            found.append(f"entry {seq}: its header or its place in the chain is not what it was")
        before, expected = link, seq + 1
    return found[:limit] + ([f"and {len(found) - limit} more"] if len(found) > limit else [])
