"""A training as a script for PyTorch, or a test of its trained weights."""

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
from imagelet.networks.layer_kind import Shape
from imagelet.networks.other_libraries import Call
from imagelet.training.recipe import Recipe

RESIDUAL = '''\
class Residual(nn.Module):
    """What layers make of x, plus x itself."""

    def __init__(self, layers, shortcut=()):
        super().__init__()
        self.shortcut = nn.Sequential(*shortcut)
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x) + self.shortcut(x)'''
ACCURACY = """\
@torch.no_grad()
def accuracy(x, y):
    model.eval()
    predicted = torch.cat([model(part).argmax(1) for part in x.split(500)])
    return (predicted == y).float().mean().item()"""
MOVING = '''\
def moved(images):
    """Return images that are shifted, turned and zoomed at random."""
    n, (height, width) = len(images), images.shape[2:]
    angle = (2 * torch.rand(n, device=device) - 1) * {rotation}
    zoom = 1 + (2 * torch.rand(n, device=device) - 1) * {scaling}
    cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    shift = (2 * torch.rand(n, 2, device=device) - 1) * {shift}
    matrix = torch.stack(
        [
            torch.stack([cosine, -sine * height / width, 2 * shift[:, 0] / width], 1),
            torch.stack([sine * width / height, cosine, 2 * shift[:, 1] / height], 1),
        ],
        dim=1,
    )
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)'''
FLIPPED = '''\
def flipped(images):
    """Return images of which about half are mirrored."""
    chosen = torch.rand(len(images), 1, 1, 1, device=device) < 0.5
    return torch.where(chosen, images.flip(3), images)'''


def write(training: ScriptedTraining, calls: Sequence[Call], left_out: Sequence[str], weights: str) -> str:
    """Return the script.

    Args:
        training: what it trains.
        calls: what makes the layers.
        left_out: what the script does not say.
        weights: the name of the file with the trained weights, where it has any.
    """
    tested = training.weights is not None
    before, after = _functions(training, calls), _loading(weights) if tested else _training(training)
    uses = {"F": not tested or "F." in before}
    imports = ["import numpy as np", "import torch", *imports_of_split(training), "from torch import nn"]
    lines = [
        *opening(training, "PyTorch", left_out),
        *("", *imports, *(["from torch.nn import functional as F"] if uses["F"] else []), ""),
        *([] if tested else [f"torch.manual_seed({training.seed})"]),
        'device = "cuda" if torch.cuda.is_available() else "cpu"',
        *("", about_data(training), *_data(training)),
        *(["", "", before, "", ""] if before else [""]),
        *("# The network.", "model = nn.Sequential(", *listed_calls(calls, 1), ").to(device)", ""),
        *("", ACCURACY, "", "", *after),
        'print(f"test accuracy {accuracy(x_test, y_test):.4f}")',
    ]
    return "\n".join(lines) + "\n"


def arrays(training: ScriptedTraining, _: Sequence[Call]) -> dict[str, NDArray[Any]]:
    """Return the trained weights in the order of the script's module.

    PyTorch flattens channel by channel, imagelet cell by cell: the inputs of the dense layer behind a
    flattened map change places, and so does what stands between the two.

    Raises:
        NetworkTextError: a residual block stands between the two.
    """
    assert training.weights is not None
    made = dict(training.weights)
    order: NDArray[np.intp] | None = None
    shape: Shape = training.input_shape
    for name, layer in training.layers:
        output = layer.output_shape(shape)
        if len(shape) == 3 and layer.family == "reshape":
            order = np.arange(output[0]).reshape(shape).transpose(2, 0, 1).ravel()
        elif order is not None:
            if layer.nested:
                raise layer.mistake(Message("PyTorch's order of flat values cannot be kept through it"))
            for tensor in (f"{name}.{tensor}" for tensor in layer.tensors(shape)):
                if made[tensor].ndim > 1 or (layer.elementwise and made[tensor].ndim):
                    made[tensor] = made[tensor][..., order]
            order = order if layer.elementwise or (output == shape and layer.family == "reshape") else None
        shape = output
    return {name: np.array(array, order="C") for name, array in made.items()}


def _functions(training: ScriptedTraining, calls: Sequence[Call]) -> str:
    """Return the functions and classes that the script needs, with two lines between them."""
    needed = [RESIDUAL] if any(call.block for call in calls) else []
    amounts = training.augmentation
    if set(amounts) - {"flip"}:
        rotation = f"{amounts.get('rotation', 0.0):g} * torch.pi / 180"
        shift, scaling = (f"{amounts.get(name, 0.0):g}" for name in ("shift", "scaling"))
        needed.append(MOVING.format(rotation=rotation, scaling=scaling, shift=shift))
    if "flip" in amounts:
        needed.append(FLIPPED)
    return "\n\n\n".join(needed)


def _data(training: ScriptedTraining) -> Lines:
    """Return what makes ``x_train``, ``y_train`` and so on, tensors on the device."""
    lines, names = archive(training), parts(training)
    if training.weights is None:
        lines += [*limited(training), *validation_images(training)]
    axes = "[:, None]" if training.input_shape[2] == 1 else ".permute(0, 3, 1, 2)"
    prepare = f"torch.tensor(x, device=device){axes} / 255"
    if len(names) == 1:
        lines.append(f"x_test = {prepare.replace('(x,', '(x_test,')}  # (n, channels, height, width)")
        lines.append("y_test = torch.tensor(y_test, device=device).long()")
    else:
        lines.append("# Pixels from 0 to 1: (n, channels, height, width).")
        lines.append(for_each(each(names), prepare, f"for x in ({each(names)})"))
        labels, loop = "torch.tensor(y, device=device).long()", f"for y in ({each(names, 'y')})"
        lines.append(for_each(each(names, "y"), labels, loop))
    return [*lines, *_normalized(training)]


def _normalized(training: ScriptedTraining) -> Lines:
    """Return what brings pixels to mean 0 and standard deviation 1, where the recipe does."""
    known, names = training.normalization, parts(training)
    if known is None:
        if training.recipe.normalization == "scale":
            return []
        axes = "(0, 2, 3), keepdim=True"
        lines = [f"mean, std = x_train.mean({axes}), x_train.std({axes})"]
    elif not any(known.mean) and set(known.std) == {1.0}:
        return []
    else:
        lines = []
        for name, values in (("mean", known.mean), ("std", known.std)):
            written = numbers(values, "torch.tensor")
            axes = ".view(-1, 1, 1).to(device)" if "(" in written else ""
            lines.append(f"{name} = {written}{axes}")
    if len(names) == 1:
        return [*lines, "x_test = (x_test - mean) / std"]
    return [*lines, f"{each(names)} = ((x - mean) / std for x in ({each(names)}))"]


def _loading(file: str) -> Lines:
    """Return what takes the trained weights."""
    return [
        "# What imagelet has learned.",
        f'with np.load("{file}") as weights:',
        f"{INDENT}tensors = [torch.tensor(array) for array in weights.values()]",
        "model.load_state_dict(dict(zip(model.state_dict(), tensors, strict=True)))",
    ]


def _training(training: ScriptedTraining) -> Lines:
    """Return what draws the weights, and the loop that trains them."""
    recipe = training.recipe
    schedule, stepping = _rate(recipe)
    batch = "x_train[batch]"
    for function, names in (("flipped", {"flip"}), ("moved", {"shift", "rotation", "scaling"})):
        if names & training.augmentation.keys():
            batch = f"{function}({batch})"
    smoothing = [f"label_smoothing={recipe.label_smoothing}"] if recipe.label_smoothing else []
    clipped = f"nn.utils.clip_grad_norm_(model.parameters(), {recipe.max_gradient_norm})"
    lines = [
        *_initial_weights(recipe),
        "# Training.",
        *_optimizer(recipe),
        *schedule,
        *(["best = -1.0"] if training.chooses else []),
        f"for epoch in range({recipe.epochs}):",
        f"{INDENT}model.train()",
        f"{INDENT}for batch in torch.randperm(len(x_train), device=device).split({recipe.batch_size}):",
        INDENT * 2 + broken("loss = F.cross_entropy", [f"model({batch})", "y_train[batch]", *smoothing], 2),
        *(f"{INDENT * 2}{line}" for line in ("optimizer.zero_grad()", "loss.backward()")),
        *([INDENT * 2 + clipped] if recipe.max_gradient_norm else []),
        f"{INDENT * 2}optimizer.step()",
        *(f"{INDENT * 2}{line}" for line in stepping),
    ]
    if not training.sets_aside:
        return [*lines, f'{INDENT}print(f"epoch {{epoch + 1}}: loss {{loss:.4f}}")', ""]
    lines += [
        f"{INDENT}reached = accuracy(x_val, y_val)",
        f'{INDENT}print(f"epoch {{epoch + 1}}: validation accuracy {{reached:.4f}}")',
    ]
    if not training.chooses:
        return [*lines, ""]
    copied = "{name: tensor.clone() for name, tensor in model.state_dict().items()}"
    return [
        *lines,
        f"{INDENT}if reached > best:  # the best epoch counts",
        f"{INDENT * 2}best, kept = reached, {copied}",
        "",
        "# The test images, which nothing has been chosen by.",
        "model.load_state_dict(kept)",
    ]


def _initial_weights(recipe: Recipe) -> Lines:
    """Return what draws the weights as imagelet does, where PyTorch does not."""
    draw = {
        "glorot": "xavier_uniform_(layer.weight)",
        "he": 'kaiming_normal_(layer.weight, nonlinearity="relu")',
    }
    if recipe.initial_weights not in draw:
        return []
    return [
        "for layer in model.modules():",
        f"{INDENT}if isinstance(layer, (nn.Conv2d, nn.Linear)):  # as Keras draws them"
        if recipe.initial_weights == "glorot"
        else f"{INDENT}if isinstance(layer, (nn.Conv2d, nn.Linear)):",
        f"{INDENT * 2}nn.init.{draw[recipe.initial_weights]}",
        f"{INDENT * 2}if layer.bias is not None:",
        f"{INDENT * 3}nn.init.zeros_(layer.bias)",
        "",
    ]


def _optimizer(recipe: Recipe) -> Lines:
    """Return what makes the optimizer; weight decay is for weights alone, not for biases and scales."""
    named: dict[str, Any] = {"lr": highest_rate(recipe)}
    match recipe.optimizer:
        case "sgd" | "momentum" | "nesterov":
            kind = "SGD"
            named |= {} if recipe.optimizer == "sgd" else {"momentum": recipe.momentum}
            named |= {"nesterov": True} if recipe.optimizer == "nesterov" else {}
        case "rmsprop":
            kind = "RMSprop"
            named |= {"alpha": recipe.rho, "eps": recipe.epsilon}
        case "adam" | "adamw" | "muon":
            kind = "Adam" if recipe.optimizer == "adam" else "AdamW"
            betas = (recipe.beta1, recipe.beta2)
            named |= {"betas": betas} if betas != (0.9, 0.999) else {}
            named |= {"eps": recipe.epsilon} if recipe.epsilon != 1e-8 else {}
            named |= {} if kind == "Adam" else {"weight_decay": 0.0}
        case other:
            raise UsageError(
                "no script can be written of the optimizer '{name}'", hint="--recipe keras", name=other
            )
    if not recipe.weight_decay:
        return [broken(f"optimizer = torch.optim.{kind}", ["model.parameters()", *keywords(named)])]
    return [
        "weights = [p for p in model.parameters() if p.ndim > 1]",
        "others = [p for p in model.parameters() if p.ndim == 1]",
        f'groups = [{{"params": weights, "weight_decay": {recipe.weight_decay}}}, {{"params": others}}]',
        broken(f"optimizer = torch.optim.{kind}", ["groups", *keywords(named)]),
    ]


def _rate(recipe: Recipe) -> tuple[Lines, Lines]:
    """Return the lines that make the learning rate's schedule, and those of each step."""
    if recipe.schedule == "constant" and not recipe.warmup:
        return [], []
    steps = f"steps = {recipe.epochs} * -(-len(x_train) // {recipe.batch_size})"
    body = schedule_function(recipe, "np.cos", "up if done < {warmup} else down")
    return [
        *(steps, "", "", "def share(step):"),
        f'{INDENT}"""Return which part of the highest learning rate a step has."""',
        f"{INDENT}done = (step + 0.5) / steps  # from 0 to 1",
        *(f"{INDENT}{line}" for line in body),
        *("", "", "schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)"),
    ], ["schedule.step()"]
