"""Train a ten-class softmax classifier on real images, every softmax by this library, then again by SciPy.

    pip install '.[examples]' && python examples/digits.py

The images are the 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn (nothing is downloaded).
"""
import time

import numpy as np
import scipy.special
from sklearn.datasets import load_digits

import softmax_fast

CLASSES, EPOCHS, BATCH, RATE = 10, 60, 32, 0.5


def train(softmax, log_softmax, images, labels):
    """Multinomial logistic regression by stochastic gradient descent; the weights and the loss of each epoch."""
    rng = np.random.default_rng(0)
    weights = np.zeros((images.shape[1], CLASSES), np.float32)
    one_hot = np.eye(CLASSES, dtype=np.float32)[labels]
    losses = []
    for _ in range(EPOCHS):
        for batch in np.array_split(rng.permutation(len(images)), len(images) // BATCH):
            probabilities = softmax(images[batch] @ weights, axis=-1)
            gradient = images[batch].T @ (probabilities - one_hot[batch])
            weights -= RATE / len(batch) * gradient
        logp = log_softmax(images @ weights, axis=-1)
        losses.append(-float(logp[np.arange(len(labels)), labels].mean()))
    return weights, losses


def main():
    pixels, labels = load_digits(return_X_y=True)
    images = np.concatenate([pixels / 16, np.ones((len(pixels), 1))], axis=1).astype(np.float32)  # and a bias
    test = np.random.default_rng(1).permutation(len(labels)) % 4 == 0
    result = {}
    for name, library in (("softmax_fast", softmax_fast), ("scipy.special", scipy.special)):
        start = time.perf_counter()
        weights, losses = train(library.softmax, library.log_softmax, images[~test], labels[~test])
        seconds = time.perf_counter() - start
        probabilities = library.softmax(images[test] @ weights, axis=-1)
        accuracy = float((probabilities.argmax(axis=-1) == labels[test]).mean())
        result[name] = {"losses": losses, "accuracy": accuracy, "seconds": seconds}
        print(f"{name:14} loss {losses[0]:.4f} -> {losses[-1]:.4f}, accuracy on {test.sum()} unseen images "
              f"{accuracy:.4f}, training {seconds:.2f} s")
    ratio = result["scipy.special"]["seconds"] / result["softmax_fast"]["seconds"]
    print(f"the same training takes SciPy's softmax {ratio:.1f} times as long")
    return result


if __name__ == "__main__":
    main()
