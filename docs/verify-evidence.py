#!/usr/bin/env python3
"""Checks a folder that `agent-audit prove` has written: verify-evidence.py FOLDER KEY.pub

Python's standard library alone; nothing is shared with agent-audit. It rests on RFC 6962 (Merkle trees), C2SP signed-note
and tlog-checkpoint (the signed tree head) and RFC 8032 (Ed25519). Take the key from somebody you trust, not from FOLDER.
"""
import base64, hashlib, json, pathlib, sys

# Ed25519, as in RFC 8032, 5.1. Points are (x, y, z, x*y/z).
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return w * x % P, y * z % P, x * y % P, w * z % P

def multiply(n, point):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = add(result, point)
        point, n = add(point, point), n >> 1
    return result

def decode(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        raise ValueError("no point")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        raise ValueError("no point")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P

BASE = decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def signed(key, message, signature):
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = multiply(s, BASE), add(decode(signature[:32]), multiply(h, decode(key)))
    return s < L and not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)

def checkpoint(note, vkey):
    """Returns origin, size and root of a signed tree head; None unless the key has signed it."""
    name, _, key = vkey.split("+", 2)
    key = base64.b64decode(key)  # the first byte is the kind of signature: 1, Ed25519
    key_id = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    text, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        dash, signer, data = line.split(" ")
        data = base64.b64decode(data)
        if (dash, signer, data[:4], key[0]) == ("—", name, key_id, 1) and signed(key[1:], (text + "\n").encode(), data[4:]):
            origin, size, root = text.split("\n")[:3]
            return origin, int(size), base64.b64decode(root)
    return None

def root_of(leaf, index, size, path):
    """Joins the hashes beside the way from a leaf to the root (RFC 9162, 2.1.3.2)."""
    node, last = leaf, size - 1
    for beside in path:
        if index & 1 or index == last:
            node = hashlib.sha256(b"\x01" + beside + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + beside).digest()
        index, last = index >> 1, last >> 1
    return node if last == 0 else None

def main(folder, key_file):
    vkey = pathlib.Path(key_file).read_text().strip()
    evidence = json.loads((pathlib.Path(folder) / "evidence.json").read_text())
    lines = (pathlib.Path(folder) / "records.ndjson").read_bytes().split(b"\n")[:-1]
    heads = [checkpoint(note, vkey) for note in evidence["checkpoints"]]
    good = len(lines) == len(evidence["records"]) > 0
    for line, proof in zip(lines, evidence["records"]):
        head, leaf = heads[proof["checkpoint"]], hashlib.sha256(b"\x00" + line).digest()
        path = [base64.b64decode(h) for h in proof["path"]]
        ok = head and head[0].endswith("/" + proof["stream"]) and proof["sequence"] < head[1]
        ok = ok and root_of(leaf, proof["sequence"], head[1], path) == head[2]
        print("proved    " if ok else "NOT PROVED", proof["stream"], proof["sequence"])
        good = good and bool(ok)
    return 0 if good else 1

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
