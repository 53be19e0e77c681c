"""A training as a script for Keras 3, or a test of its trained weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.errors import UsageError
from imagelet.interop.script_parts import (
    INDENT,
    Lines,
    about_data,
    archive,
    broken,
    each,
    for_each,
    highest_rate,
    imports_of_split,
    keywords,
    limited,
    listed_calls,
    numbers,
    opening,
    parts,
    schedule_function,
    validation_images,
)
from imagelet.interop.scripted import ScriptedTraining
from imagelet.messages import Message
from imagelet.networks.layer_kind import place_layers
from imagelet.networks.numpy_network import nested_weights
from imagelet.networks.other_libraries import Call, in_keras_order
from imagelet.training.recipe import Recipe

DATASETS = {"mnist": "mnist", "fashion-mnist": "fashion_mnist", "cifar-10": "cifar10"}
USUAL = {"beta_1": 0.9, "beta_2": 0.999, "rho": 0.9, "epsilon": 1e-7}  # Keras's own, which are not written
RESIDUAL = '''\
def residual(block, shortcut=()):
    """Return a function of x: what the layers of a block make of it, plus x itself."""

    def add(x):
        y = x
        for layer in block:
            y = layer(y)
        for layer in shortcut:
            x = layer(x)
        return layers.add([y, x])

    return add'''


def write(training: ScriptedTraining, calls: Sequence[Call], left_out: Sequence[str], weights: str) -> str:
    """Return the script.

    Args:
        training: what it trains.
        calls: what makes the layers.
        left_out: what the script does not say.
        weights: the name of the file with the trained weights, where it has any.
    """
    network, code = _network(training, calls), [""]
    if any(call.block for call in calls):
        code = ["", "", *RESIDUAL.splitlines(), "", ""]
    data, test = (
        _data(training),
        _training(training) if training.weights is None else _loading(training, weights),
    )
    uses_numpy = any("np." in line for line in (*data, *test))
    imports = ["import keras", *(["import numpy as np"] if uses_numpy else []), "from keras import layers"]
    seed = ["", f"keras.utils.set_random_seed({training.seed})"] if training.weights is None else []
    lines = [
        *opening(training, "Keras 3", left_out),
        *("", *imports, *imports_of_split(training), *seed),
        *("", about_data(training), *data, *code, "# The network.", *network, "", *test),
        *("", "# The test images, which nothing has been chosen by." if training.weights is None else ""),
        "loss, accuracy = model.evaluate(x_test, y_test, verbose=0)",
        'print(f"test accuracy {accuracy:.4f}")',
    ]
    return "\n".join(lines) + "\n"


def left_out(training: ScriptedTraining) -> list[str]:
    """Return what only Keras's script leaves out, a few words each."""
    told: list[str] = []
    recipe = training.recipe
    if training.weights is None and recipe.initial_weights != "glorot":
        told.append(Message("initial weights '{name}': Keras's own are drawn", name=recipe.initial_weights))
    if training.weights is None and recipe.weight_decay and recipe.optimizer not in ("adamw", "muon", "sgd"):
        told.append(Message("weight decay"))
    return told


def arrays(training: ScriptedTraining, calls: Sequence[Call]) -> dict[str, NDArray[Any]]:
    """Return the trained weights in Keras's layout, in the order of the model that ``calls`` make."""
    assert training.weights is not None
    tree = nested_weights(training.weights)
    placed = {place.name: place.layer for place in place_layers(training.layers, training.input_shape)}
    made: dict[str, NDArray[Any]] = {}
    for call in in_keras_order(calls):
        if call.layer:
            branch: Any = tree
            for name in call.layer.split("."):
                branch = branch[name]
            for number, array in enumerate(placed[call.layer].keras_weights(branch)):
                made[f"{call.layer}.{number}"] = np.array(array, order="C")
    return made


def _data(training: ScriptedTraining) -> Lines:
    """Return what makes ``x_train``, ``y_train`` and so on."""
    tested, axis = training.weights is not None, "[..., None]" if training.input_shape[2] == 1 else ""
    if (name := DATASETS.get(training.dataset)) and training.registered:
        first = "_" if tested else "(x_train, y_train)"
        lines = [f"{first}, (x_test, y_test) = keras.datasets.{name}.load_data()"]
    else:
        lines = archive(training)
    if not tested:
        lines += [*limited(training), *validation_images(training)]
    names = parts(training)
    scaled = f'{axis}.astype("float32") / 255'
    if len(names) == 1:
        lines.append(f"x_test = x_test{scaled}  # from 0 to 1")
    else:
        lines.append("# Pixels from 0 to 1" + (", with an axis for the one channel." if axis else "."))
        lines.append(for_each(each(names), f"x{scaled}", f"for x in ({each(names)})"))
    lines += _normalized(training)
    if training.recipe.label_smoothing and not tested:
        lines.append(f"{each(names, 'y')} = map(keras.utils.to_categorical, ({each(names, 'y')}))")
    return lines


def _normalized(training: ScriptedTraining) -> Lines:
    """Return what brings pixels to mean 0 and standard deviation 1, where the recipe does."""
    known, names = training.normalization, parts(training)
    if known is None:
        if training.recipe.normalization == "scale":
            return []
        lines = ["mean, std = x_train.mean((0, 1, 2)), x_train.std((0, 1, 2))"]
    elif not any(known.mean) and set(known.std) == {1.0}:
        return []
    else:
        mean, std = (numbers(values, "np.float32") for values in (known.mean, known.std))
        lines = [f"mean, std = {mean}, {std}"] if len(mean + std) < 40 else [f"mean = {mean}", f"std = {std}"]
    if len(names) == 1:
        return [*lines, "x_test = (x_test - mean) / std"]
    return [*lines, f"{each(names)} = ((x - mean) / std for x in ({each(names)}))"]


def _network(training: ScriptedTraining, calls: Sequence[Call]) -> Lines:
    """Return what makes the model: a chain of layers, or, with blocks, the functional form."""
    start = f"keras.Input({training.input_shape})"
    if not any(call.block for call in calls):
        listed = [*_augmentation(training, 2), *listed_calls(calls, 2)]
        chain = [
            "model = keras.Sequential(",
            f"{INDENT}[",
            f"{INDENT * 2}{start},",
            *listed,
            f"{INDENT}]",
            ")",
        ]
        return [*chain, "model.summary()"]
    return [
        *("network = [", *_augmentation(training, 1), *listed_calls(calls, 1), "]"),
        *(f"x = inputs = {start}", "for layer in network:", f"{INDENT}x = layer(x)"),
        *("model = keras.Model(inputs, x)", "model.summary()"),
    ]


def _augmentation(training: ScriptedTraining, indent: int) -> Lines:
    """Return the layers that change training images, each with a comma."""
    calls = []
    for name, amount in training.augmentation.items():
        match name:
            case "flip":
                calls.append(Call("layers.RandomFlip", ("horizontal",)))
            case "shift":
                height, width, _ = training.input_shape
                shares = (float(f"{amount / side:.4g}") for side in (height, width))
                calls.append(Call("layers.RandomTranslation", (*shares, "nearest")))
            case "rotation":
                calls.append(Call("layers.RandomRotation", (float(f"{amount / 360:.4g}"), "nearest")))
            case "scaling":
                calls.append(Call("layers.RandomZoom", (amount,), {"fill_mode": "nearest"}))
    return listed_calls(calls, indent)


def _loss(training: ScriptedTraining) -> str:
    """Return the loss as Python."""
    smoothing = training.recipe.label_smoothing if training.weights is None else 0.0
    if training.ends_in_softmax and not smoothing:
        return '"sparse_categorical_crossentropy"'
    named: dict[str, Any] = {} if training.ends_in_softmax else {"from_logits": True}
    kind = "CategoricalCrossentropy" if smoothing else "SparseCategoricalCrossentropy"
    named |= {"label_smoothing": smoothing} if smoothing else {}
    return f"keras.losses.{kind}({', '.join(keywords(named))})"


def _loading(training: ScriptedTraining, file: str) -> Lines:
    """Return what takes the trained weights, and prepares to test them."""
    return [
        "# What imagelet has learned.",
        f'with np.load("{file}") as weights:',
        f"{INDENT}model.set_weights(list(weights.values()))",
        broken("model.compile", [f"loss={_loss(training)}", 'metrics=["accuracy"]']),
    ]


def _training(training: ScriptedTraining) -> Lines:
    """Return what compiles and fits the model."""
    recipe = training.recipe
    rate, lines = _rate(recipe)
    lines = ["# Training.", *lines]
    name, named = _optimizer(recipe)
    lines.append(broken(f"optimizer = keras.optimizers.{name}", [rate, *keywords(named)]))
    if named.get("weight_decay"):
        lines.append('optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])')
    lines.append(broken("model.compile", ["optimizer", f"loss={_loss(training)}", 'metrics=["accuracy"]']))
    fit = ["x_train", "y_train", f"batch_size={recipe.batch_size}", f"epochs={recipe.epochs}"]
    if training.sets_aside:
        callbacks = []
        if recipe.early_stopping:
            callbacks.append("stop")
            named = {"patience": recipe.early_stopping}
            lines.append(broken("stop = keras.callbacks.EarlyStopping", ['"val_loss"', *keywords(named)]))
        if training.chooses:
            callbacks.append("best")
            named = {"patience": recipe.epochs, "restore_best_weights": True}
            lines.append("# The weights of the best epoch are kept.")
            lines.append(broken("best = keras.callbacks.EarlyStopping", ['"val_accuracy"', *keywords(named)]))
        fit.append("validation_data=(x_val, y_val)")
        fit += [f"callbacks=[{', '.join(callbacks)}]"] if callbacks else []
    return [*lines, broken("model.fit", fit)]


def _optimizer(recipe: Recipe) -> tuple[str, dict[str, Any]]:
    """Return the optimizer's class, and its arguments besides the learning rate that are not Keras's own."""
    named: dict[str, Any] = {"beta_1": recipe.beta1, "beta_2": recipe.beta2, "epsilon": recipe.epsilon}
    match recipe.optimizer:
        case "sgd":
            kind, named = "SGD", {"weight_decay": recipe.weight_decay} if recipe.weight_decay else {}
        case "momentum":
            kind, named = "SGD", {"momentum": recipe.momentum}
        case "nesterov":
            kind, named = "SGD", {"momentum": recipe.momentum, "nesterov": True}
        case "rmsprop":
            kind, named = "RMSprop", {"rho": recipe.rho, "epsilon": recipe.epsilon}
        case "adam":
            kind = "Adam"
        case "adamw" | "muon":
            kind, named = "AdamW", {"weight_decay": recipe.weight_decay, **named}
        case other:
            raise UsageError(
                "no script can be written of the optimizer '{name}'", hint="--recipe keras", name=other
            )
    told = {name: value for name, value in named.items() if USUAL.get(name) != value}
    return kind, told | ({"global_clipnorm": recipe.max_gradient_norm} if recipe.max_gradient_norm else {})


def _rate(recipe: Recipe) -> tuple[str, Lines]:
    """Return the learning rate as Python, and the lines that it needs before."""
    highest = highest_rate(recipe)
    if recipe.schedule == "constant" and not recipe.warmup:
        return str(highest), []
    steps = f"steps = {recipe.epochs} * -(-len(x_train) // {recipe.batch_size})"
    if not recipe.warmup and recipe.schedule in ("linear", "cosine"):
        call = {
            "linear": f"PolynomialDecay({highest}, steps, 0.0)",
            "cosine": f"CosineDecay({highest}, steps)",
        }
        return "rate", [steps, f"rate = keras.optimizers.schedules.{call[recipe.schedule]}"]
    chosen = "keras.ops.where(done < {warmup}, up, down)"
    body = schedule_function(recipe, "keras.ops.cos", chosen, f"{highest} * ")
    return "Schedule()", [
        *(steps, "", ""),
        "class Schedule(keras.optimizers.schedules.LearningRateSchedule):",
        f'{INDENT}"""The learning rate of a step."""',
        "",
        f"{INDENT}def __call__(self, step):",
        f'{INDENT * 2}done = (keras.ops.cast(step, "float32") + 0.5) / steps  # from 0 to 1',
        *(f"{INDENT * 2}{line}" for line in body),
        "",
        *(f"{INDENT}def get_config(self):", f"{INDENT * 2}return {{}}", "", ""),
    ]
