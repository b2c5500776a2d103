"""Programs that are measured from outside: CPU time and peak memory are the kernel's figures."""
import shutil
import subprocess
import sys
import tempfile
import time

# Of the clocks that Linux makes of a process id: what the scheduler has counted.
SCHEDULED = 2
# More than any of them takes, in bytes.
TOUCHED = 2 << 30
TOUCH = """
import mmap
mmap.mmap(-1, {}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
"""


def touch_memory():
    """Uses memory, and frees it, before another one is measured that takes much. The host of a virtual
    machine gives memory when it is first used, and may take back what is free: else whoever comes
    first pays for all."""
    with open("/proc/meminfo", encoding="ascii") as file:
        available = next(int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    code = TOUCH.format(min(TOUCHED, available * 1024 // 2))
    subprocess.run([sys.executable, "-c", code], check=True)


class Process:
    """A program that talks by lines, in a directory of its own that goes with it."""

    def __init__(self, args, **options):
        self.dir = tempfile.mkdtemp(prefix="eslaver-bench-")
        self.child = subprocess.Popen(args, cwd=self.dir, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        shutil.rmtree(self.dir)

    def write(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def read(self):
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.child.args} has ended")
        return line.rstrip("\n")

    def await_line(self, text):
        """The first line that has this text in it."""
        while text not in (line := self.read()):
            pass
        return line

    def cpu(self):
        """Seconds of CPU that all its threads have had, by its CPU clock: /proc has it in ticks."""
        return time.clock_gettime((~self.child.pid << 3) | SCHEDULED)

    def peak(self):
        """The most memory it ever had, in MB."""
        return self.status("VmHWM") / 1024

    def rss(self):
        """The memory it has, in bytes."""
        return self.status("VmRSS") * 1024

    def status(self, name):
        """A number of KB that the kernel tells."""
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(name):
                    return int(line.split()[1])
        raise RuntimeError(f"the kernel does not tell {name}")


def timed(process, act):
    """What `act` costs a process that runs already: its start is not part of it."""
    before, began = process.cpu(), time.monotonic()
    act()
    wall = time.monotonic() - began
    return {"wall": wall, "cpu": process.cpu() - before, "rss": process.peak()}
