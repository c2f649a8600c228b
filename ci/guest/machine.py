# SPDX-License-Identifier: Apache-2.0
"""A machine of tatami's, as the tools in ci/guest measure it: work/root is its root, work/bundle the bundle of its container "bench"."""
import json
import os
import subprocess
from pathlib import Path

import vm

NAME = "bench"


def make_bundle(work, args):
    """A bundle whose program is args."""
    subprocess.run([vm.SOURCE / "ci/bench/bundle", work / "bundle"], check=True)
    config = work / "bundle/config.json"
    spec = json.loads(config.read_text(encoding="utf-8"))
    spec["process"]["args"] = args
    spec["linux"]["cgroupsPath"] = f"/tatami-bench-{os.getpid()}"  # beside others' processes, not in one group with other machines
    config.write_text(json.dumps(spec), encoding="utf-8")


def command(build, work, *words):
    return [build / "tatami", "--root", work / "root", *words]


def directory(work):
    return work / "root/.sandboxes" / NAME


def parts(work, prefix):
    """Directories in /proc of the machine's monitor and its children, as far as their name begins so."""
    for monitor in Path("/proc").glob("[0-9]*"):
        try:
            if (monitor / "cwd").resolve() == directory(work) and (monitor / "comm").read_text() == "tatami-monitor\n":
                children = (monitor / "task" / monitor.name / "children").read_text().split()
                return [part for part in (monitor, *(Path("/proc", pid) for pid in children)) if (part / "comm").read_text().startswith(prefix)]
        except OSError:
            pass
    return []
