"""What was measured: a file for each part, replaced when the part is measured anew."""
import collections
import json
import os
import statistics


def record(folder, part, records):
    """Puts the records of a part in the place of older ones, once they are all there."""
    path = os.path.join(folder, part + ".jsonl")
    os.makedirs(folder, exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        for found in records:
            file.write(json.dumps(found) + "\n")
            file.flush()
    os.rename(path + ".new", path)


class Results:
    """The records of these parts, by row, candidate and figure."""

    def __init__(self, folder, parts):
        self.runs = collections.defaultdict(list)
        for path in (os.path.join(folder, part + ".jsonl") for part in parts):
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    for line in file:
                        self.add(json.loads(line))

    def add(self, found):
        row, who = found.pop("row"), found.pop("who")
        for name, value in found.items():
            self.runs[row, who, name].append(value)

    def median(self, row, who, name):
        found = self.runs.get((row, who, name))
        return statistics.median(found) if found else None

    def count(self, row):
        """How many runs the candidate with the most had."""
        return max(len(values) for (other, _, _), values in self.runs.items() if other == row)

    def rows(self):
        return list(dict.fromkeys(row for row, _, _ in self.runs))

    def candidates(self, row):
        return list(dict.fromkeys(who for other, who, _ in self.runs if other == row))
