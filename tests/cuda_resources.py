"""Reads what ptxas -v said of every kernel. `make cuda` runs it.

None may use local memory, and of none may ptxas say that it waits for wgmma's products before it
has to. A kernel that spills, has an array that is indexed at run time, or multiplies and evaluates
by turns still gives the right numbers, at a fraction of the speed; nobody would notice on a machine
without a device.
"""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ENTRY = re.compile(r"Compiling entry function '(\w+)' for '(\w+)'")
FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
REGISTERS = re.compile(r"Used (\d+) registers")
WAITS = re.compile(r"warpgroup\.(wait|arrive) is injected|wgmma.*serialized")


def readable(name):
    filt = shutil.which("c++filt")
    if not filt:
        return name
    text = subprocess.run([filt, name], capture_output=True, text=True, check=True).stdout.strip()
    return text.replace("parzen::cuda::", "").replace("(anonymous namespace)::", "").split(">(")[0]


def kernels(log):
    """(name, architecture, stack, stores, loads, registers) of each."""
    found, name, frame = [], None, None
    for line in log.splitlines():
        if entry := ENTRY.search(line):
            name, frame = entry.groups(), None
        elif name and (numbers := FRAME.search(line)):
            frame = tuple(map(int, numbers.groups()))
        elif name and frame and (used := REGISTERS.search(line)):
            found.append((*name, *frame, int(used[1])))
            name = None
    return found


def main(log, *architectures):
    text = Path(log).read_text()
    found, waits = kernels(text), [line for line in text.splitlines() if WAITS.search(line)]
    bad = [kernel for kernel in found if any(kernel[2:5])]
    for name, architecture, stack, stores, loads, _ in bad:
        print(
            f"{architecture} {readable(name)}: stack frame {stack}, spill stores {stores}, "
            f"spill loads {loads} bytes"
        )
    print("\n".join(waits), end="\n" if waits else "")
    counts = Counter(kernel[1] for kernel in found)
    most = max((kernel[5] for kernel in found), default=0)
    print(f"kernels: {dict(counts)}, at most {most} registers, {len(bad)} that use local memory")
    missing = [architecture for architecture in architectures if not counts[architecture]]
    if missing:
        print(f"nothing was compiled for {', '.join(missing)}: is {log} of a whole build?")
    return 1 if bad or missing or waits else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
