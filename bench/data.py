"""The datasets, made once: snapshots that a real master has written, and commands as they are sent."""
import os
import shutil
import subprocess

from candidates import BUILD, TOOL, Server

FOLDER = os.path.join(BUILD, "bench", "data")


def snapshot(workload):
    """The path of a snapshot with this workload, or `empty`."""
    path = os.path.join(FOLDER, workload.replace(":", "-") + ".rdb")
    if not os.path.exists(path):
        os.makedirs(FOLDER, exist_ok=True)
        with Server() as server:
            if workload != "empty":
                subprocess.run([TOOL, "fill", str(server.port), workload], check=True)
            server.call("SAVE")
            shutil.move(os.path.join(server.dir, "dump.rdb"), path + ".new")
            os.rename(path + ".new", path)
    return path


def stream(kind, count):
    """The path of a stream of commands of this kind."""
    path = os.path.join(FOLDER, f"{kind}-{count}.resp")
    if not os.path.exists(path):
        os.makedirs(FOLDER, exist_ok=True)
        with open(path + ".new", "wb") as file:
            subprocess.run([TOOL, "stream", kind, str(count)], check=True, stdout=file)
        os.rename(path + ".new", path)
    return path
