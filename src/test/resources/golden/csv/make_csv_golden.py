"""Writes table-1.csv, table-2.csv and csv.json: a table as programs write it, and what Python's csv module and numpy make of it.

    python3 src/test/resources/golden/csv/make_csv_golden.py

Numbers are standardised as scikit-learn's SimpleImputer and StandardScaler do it, in double precision and float32 at the end;
categories are one-hot in sorted order; the target is the index among the sorted classes. Floats are bits in hexadecimal.
"""
import csv
import json
import os

import numpy

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROWS = 150
NUMERIC = ["small", "offset", "wide", "count"]
CATEGORICAL = {"town": ["Köln", "Saint-Étienne, Loire", "the \"Hague\"", "Åre", "two\nlines"], "grade": ["1", "2", "10"]}
CLASSES = ["no", "perhaps", "yes"]


def table(random):
    rows = []
    for row in range(ROWS):
        numbers = [repr(random.normal() * 1e-5), repr(1.6e9 + random.normal()), "%.6e" % (random.normal() * 10.0 ** random.integers(-9, 9)),
                   str(random.integers(0, 1000))]
        rows.append([str(row)] + ["" if random.random() < 0.05 else number for number in numbers]
                    + [random.choice(values) if random.random() > 0.05 else "NA" for values in CATEGORICAL.values()]
                    + [random.choice(CLASSES)])
    return rows


def bits(values):
    return ["%08x" % bit for bit in numpy.asarray(values, numpy.float32).view(numpy.uint32)]


def expected(rows):
    columns = list(zip(*rows))
    features = []
    statistics = {}
    for i, name in enumerate(NUMERIC):
        numbers = numpy.array([float(text) if text else numpy.nan for text in columns[1 + i]])
        numbers[numpy.isnan(numbers)] = numpy.nanmean(numbers)
        statistics[name] = [float(numbers.mean()), float(numbers.std())]
        features.append((numbers - numbers.mean()) / numbers.std())
    for i, name in enumerate(CATEGORICAL):
        texts = [text for text in columns[5 + i] if text != "NA"]
        categories = sorted(set(texts), key=int if name == "grade" else None)
        most_frequent = min(categories, key=lambda text: -texts.count(text))
        for category in categories:
            features.append(numpy.array([float((most_frequent if text == "NA" else text) == category) for text in columns[5 + i]]))
    return {"statistics": statistics, "features": bits(numpy.stack(features, axis=1).ravel()),
            "labels": [CLASSES.index(text) for text in columns[-1]]}


def write(name, rows):
    with open(os.path.join(FOLDER, name), "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id"] + NUMERIC + list(CATEGORICAL) + ["answer"])
        writer.writerows(rows)


rows = table(numpy.random.default_rng(7))
write("table-1.csv", rows[:60])
write("table-2.csv", rows[60:])
with open(os.path.join(FOLDER, "csv.json"), "w", encoding="utf-8") as file:
    json.dump({"cases": [expected(rows)]}, file)
    file.write("\n")
