#!/usr/bin/env python3
"""Reads a .rpw file with nothing but Python's standard library, by FORMATS.md and replug.proto alone.

    python3 read_rpw.py FILE.rpw

Prints one JSON object: arch, kernel, number of steps, events by name, first and last time in ns, the first pfn, and the
pages that each step's kpageflags marks as free (bit 10). It shares no code with the library: the tests compare the two.
"""
import json
import struct
import sys
import zlib

MAGIC = b"\x89RPW\r\n\x1a\n"
HEADER, STEP, PAGE_FLAGS, EVENTS = 1, 2, 3, 6
CONSTANT, PLANES, DELTA, FLOAT = 0, 1, 2, 3
BUDDY = 1 << 10


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    """A protobuf message as a dictionary: field number to list of raw values."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif kind == 2:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
        elif kind == 5:
            value, at = data[at : at + 4], at + 4
        else:
            raise ValueError("unknown wire type %d" % kind)
        found.setdefault(key >> 3, []).append(value)
    return found


def one(message, number, default):
    return message.get(number, [default])[-1]


def text(message, number):
    return one(message, number, b"").decode("utf-8")


def sections(data):
    """Type and unpacked content of every section, front to back."""
    if data[:8] != MAGIC:
        raise ValueError("no .rpw file")
    version, checksum = struct.unpack_from("<II", data, 8)
    if version != 1 or zlib.crc32(data[:12]) != checksum:
        raise ValueError("unknown version or damaged head")
    at = 16
    while data[at : at + 4] == b"RPWS":
        kind, packing, stored, length, checksum, head_checksum = struct.unpack_from("<HHIIII", data, at + 4)
        if zlib.crc32(data[at : at + 20]) != head_checksum:
            raise ValueError("damaged section head at %d" % at)
        content = data[at + 24 : at + 24 + stored]
        if zlib.crc32(content) != checksum:
            raise ValueError("damaged section at %d" % at)
        if packing == 1:
            content = zlib.decompress(content, -15)
        if len(content) != length:
            raise ValueError("wrong length at %d" % at)
        yield kind, content
        at += 24 + stored


def column(data, rows):
    """A Column message as a list of numbers."""
    message = fields(data)
    coding, width = one(message, 1, CONSTANT), one(message, 2, 0)
    base, unit = one(message, 3, 0.0), one(message, 4, 0.0)
    if coding == CONSTANT:
        return [base] * rows
    raw = one(message, 6, b"")
    if one(message, 5, 0):
        raw = zlib.decompress(raw, -15)
    planes = [raw[k * rows : (k + 1) * rows] for k in range(width)]
    if coding == FLOAT:
        return [struct.unpack("<d", bytes(value))[0] for value in zip(*planes)]
    numbers = [sum(byte << (8 * k) for k, byte in enumerate(value)) for value in zip(*planes)]
    if coding == PLANES:
        return numbers
    values, value = [], int(base)
    for number in numbers:
        value += ((number >> 1) ^ -(number & 1)) * int(unit)
        values.append(value)
    return values


def main(path):
    with open(path, "rb") as file:
        data = file.read()
    result = {"steps": 0, "events": {}, "freePages": {}}
    names, times, first_pfn = [], [], None
    for kind, content in sections(data):
        message = fields(content)
        if kind == HEADER:
            result["arch"], result["kernel"] = text(message, 3), text(message, 5)
            names = [text(fields(entry), 1) for entry in message.get(9, [])]
        elif kind == STEP:
            result["steps"] += 1
        elif kind == PAGE_FLAGS:
            ordinal, pages = one(message, 1, 0), one(message, 3, 0)
            low = column(one(message, 4, b""), pages)
            free = sum(1 for word in low if int(word) & BUDDY)
            result["freePages"][ordinal] = result["freePages"].get(ordinal, 0) + free
        elif kind == EVENTS:
            rows = one(message, 2, 0)
            for number in column(one(message, 8, b""), rows):
                name = names[int(number)]
                result["events"][name] = result["events"].get(name, 0) + 1
            time = column(one(message, 5, b""), rows)
            times += [time[0], time[-1]]
            if first_pfn is None:
                first_pfn = int(column(one(message, 6, b""), rows)[0])
    if times:
        result.update(firstTime=times[0], lastTime=times[-1], firstPfn=first_pfn)
    print(json.dumps(result))


main(sys.argv[1])
