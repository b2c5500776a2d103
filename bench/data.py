"""The datasets, made once: snapshots that a real master has written, and W4 as it is sent."""
import os
import shutil

from candidates import BUILD, TOOL, Server
import subprocess

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


def stream(count):
    """The path of so many commands of W4."""
    path = os.path.join(FOLDER, f"w4-{count}.resp")
    if not os.path.exists(path):
        os.makedirs(FOLDER, exist_ok=True)
        with open(path + ".new", "wb") as file:
            subprocess.run([TOOL, "stream", str(count)], check=True, stdout=file)
        os.rename(path + ".new", path)
    return path
