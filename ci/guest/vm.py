# SPDX-License-Identifier: Apache-2.0
"""The VM of the tools in ci/guest: QEMU without KVM on the guest's kernel, with its console on standard output."""
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent
GUEST = SOURCE / "build" / "guest"
QEMU = "qemu-system-x86_64"


class Missing(Exception):
    """Something that a VM needs is not there; the text says what to do."""


def end_in_order():
    """SIGTERM ends the program like Ctrl-C does: what it started is ended, what it made is removed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def check():
    if not shutil.which(QEMU):
        raise Missing(f"no {QEMU}: run ci/setup vm")
    if not (GUEST / "vmlinux").exists():
        raise Missing("no guest kernel: run make guest")


def tsc_khz():
    """The guest's clock under emulation is the host's: to be told saves it from measuring, which can hang a microvm."""
    match = re.search(r"bogomips\s*: ([\d.]+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return int(float(match[1]) * 500) if match else 0


def processor_ms(pid, thread=""):
    """What the threads of a QEMU whose name begins so have run; all of them without a name (proc_pid_schedstat: nanoseconds)."""
    tasks = [task for task in Path(f"/proc/{pid}/task").iterdir() if (task / "comm").read_text().startswith(thread)]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def command(initramfs, words="", memory_mb=512, cpus=1, cpu="max,-erms,-fsrm", extra=()):
    """QEMU's command line; words are added to the kernel's."""
    append = ("console=ttyS0 quiet panic=1 reboot=t cryptomgr.notests noreplace-smp clearcpuid=rep_good "
              f"tsc_early_khz={tsc_khz()} {words}").strip()
    return [
        QEMU, "-M", "q35,memory-backend=mem", "-accel", "tcg", "-cpu", cpu, "-smp", str(cpus), "-m", f"{memory_mb}M",
        "-object", f"memory-backend-memfd,id=mem,size={memory_mb}M,share=on",
        "-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-serial", "stdio",
        "-kernel", str(GUEST / "vmlinux"), "-initrd", str(initramfs), "-append", append, *extra,
    ]


def run(initramfs, timeout_s, **options):
    """Boots, and returns what the console showed until the machine switched itself off; TimeoutExpired has it, too."""
    done = subprocess.run(command(initramfs, **options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=timeout_s, check=False)
    return done.stdout.decode(errors="replace").replace("\r", "")
