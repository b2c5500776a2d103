"""The benchmark of the mirror: its parts, by name."""
from mirror import memory, reads, saves, writes

PARTS = {
    "mirror-memory": memory.memory, "mirror-growth": memory.growth,
    "mirror-load": writes.load, "mirror-applied": writes.applied,
    "mirror-behind": writes.behind, "mirror-visible": writes.visible,
    "mirror-reads": reads.alone, "mirror-reads-written": reads.beside_a_writer,
    "mirror-stalls": reads.stalls, "mirror-save": saves.save,
}
