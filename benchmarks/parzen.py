"""Why the Parzen window estimate ranks nothing: centroids that are no images beat real images.

    python benchmarks/parzen.py [--count 500] [--out benchmarks/results/parzen.md]

On scikit-learn's digits, in units of the largest grey: as many k-means centroids of the training images, and as many
training images themselves, are scored as if they were a generator's samples. The width of the bumps is the best on the
validation images, for each by itself; what is shown is of the test images.
"""

from __future__ import annotations

import statistics

import torch
from common import arguments, markdown, publish, surroundings, write_json
from sklearn.cluster import KMeans
from torch import Tensor

from allmodes.audit.parzen import parzen
from allmodes.data.dataset import load_data


def scores(count: int, split_seed: int) -> dict[str, float]:
    data = load_data("digits", split_seed=split_seed)

    def part(name: str) -> Tensor:
        return data.part(name).x.flatten(1).double() / 16

    train, validation, test = part("train"), part("validation"), part("test")
    centroids = torch.from_numpy(KMeans(count, n_init=1, random_state=0).fit(train.numpy()).cluster_centers_)
    samples = {"k-means centroids": centroids, "real images": train[:count]}
    return {name: parzen(drawn, test, validation=validation).mean for name, drawn in samples.items()}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--splits", type=int, default=10)
    asked = parser.parse_args()
    found = [scores(asked.count, seed) for seed in range(asked.splits)]
    rows = []
    for name in found[0]:
        values = [each[name] for each in found]
        row = {"samples": f"{asked.count} {name}", "Parzen window, nats": f"{statistics.mean(values):.2f}"}
        rows.append(row | {"lowest": f"{min(values):.2f}", "highest": f"{max(values):.2f}"})
    wins = sum(each["k-means centroids"] > each["real images"] for each in found)
    publish(
        asked.out,
        "The Parzen window estimate of k-means centroids and of real images",
        surroundings(str(torch.get_num_threads())),
        f"Means over {asked.splits} splits of the digits into training, validation and test images. The centroids "
        f"score higher in {wins} of {asked.splits}. So the estimate is history: `parzen` gives it, nothing ranks it.",
        markdown(rows),
    )
    if asked.out:
        write_json(asked.out.with_suffix(".json"), {"count": asked.count, "splits": found})


if __name__ == "__main__":
    main()
