# %% [markdown]
# # The course's first three networks
#
# Softmax regression, one hidden layer, and four of them, on MNIST: the first three networks of the
# [course](../../docs/course/en/README.md) as a notebook. Each cell shows what it has made: a dataset, a network, a
# training, a prediction. Run them from top to bottom; the third training takes some minutes on a laptop.
#
# MNIST is downloaded once. Where it is already, `IMAGELET_DATA` may name the folder.

# %%
from PIL import Image, ImageDraw

import imagelet

data = imagelet.load_dataset("mnist")
data.train

# %% [markdown]
# ## One layer: `softmax`
#
# Each digit has 784 weights, one for each pixel, and a bias. Pixels times weights, added up, is a score, and softmax makes
# ten probabilities of ten scores.

# %%
imagelet.summarize(imagelet.build("softmax"))

# %%
softmax = imagelet.train("mnist", "softmax", "keras", validation="0.1")
softmax

# %% [markdown]
# The curve is flat after an epoch or two, and training and validation lie together: the network has learned what it can
# learn. A sum of pixels does not know what a stroke is.

# %% [markdown]
# ## A hidden layer: `mlp-512`
#
# Between pixels and scores there are now 512 units: sums of pixels, those below 0 set to 0. The optimizer is plain gradient
# descent, as in the course.

# %%
mlp_512 = imagelet.train(
    "mnist",
    "mlp-512",
    "keras",
    optimizer="sgd",
    learning_rate=0.01,
    batch_size=128,
    epochs=10,
    validation="0.1",
)
mlp_512

# %% [markdown]
# More than fifty times as many parameters, and hardly better: ten epochs of short steps are not enough for it. Train it with
# `optimizer="adam", learning_rate=0.001` before you read on. What do you expect?

# %% [markdown]
# ## Four hidden layers: `mlp-1024`
#
# Dropout sets three in ten numbers to 0 while it trains, so that the network can't learn its images by heart; Adam gives each
# weight a step of its own.

# %%
mlp_1024 = imagelet.train("mnist", "mlp-1024", "keras", epochs=15, validation="0.1")
mlp_1024

# %% [markdown]
# ## The test, once
#
# Until here nobody has seen the test images. Choose a network by its validation accuracy, then look once. The interval says
# which accuracies go well with 10,000 images.

# %%
test = imagelet.evaluate(str(mlp_1024.run.folder))
low, high = test.metrics.interval
print(
    f"test accuracy {100 * test.metrics.accuracy:.2f} % (95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
)

# %% [markdown]
# ## A digit of your own
#
# Drawn here by a program, dark on light, anywhere on the sheet; put the path of a photo in its place. It is framed as MNIST's
# digits were: the picture beside the answer is what the network got.

# %%
sheet = Image.new("RGB", (300, 300), "#f4efe4")
ImageDraw.Draw(sheet).line([(90, 70), (210, 70), (140, 235)], fill="#22304a", width=16, joint="curve")
(prediction,) = mlp_1024.classifier.predict(sheet)
prediction

# %% [markdown]
# The next network of the course has a convolution: it knows which pixels are neighbours. `imagelet course cnn-1`, or the
# [course's page](../../docs/course/en/cnn-1.md).
