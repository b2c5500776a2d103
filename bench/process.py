"""Programs that are measured from outside: CPU time and peak memory are the kernel's figures."""
import shutil
import subprocess
import tempfile
import time

# Of the clocks that Linux makes of a process id: what the scheduler has counted.
SCHEDULED = 2


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
