// The Train tab: a setup in the address and as a command, a recipe's settings, a training followed by its events.

import assert from "node:assert/strict";
import { test } from "node:test";

import { interestingFrom, smoothed } from "../../../src/imagelet/lab/static/js/train/curves.js";
import { csvOf } from "../../../src/imagelet/lab/static/js/train/export.js";
import { Progress, roundedSeconds } from "../../../src/imagelet/lab/static/js/train/progress.js";
import { ordered } from "../../../src/imagelet/lab/static/js/train/queue.js";
import { groupsOf, isAllowed, sentence, valueOf } from "../../../src/imagelet/lab/static/js/train/settings.js";
import { commandOf, fits, parametersOf, readSetup, unknownIn } from "../../../src/imagelet/lab/static/js/train/setup.js";
import { outline } from "../../../src/imagelet/lab/static/js/train/snapshots.js";

const DEFAULTS = { dataset: "digits", recipe: "general", validation: "auto", limit: "0", seed: "0", name: "" };
const SETUP = {
  ...DEFAULTS, network: "flatten dense(classes)", settings: { epochs: 7, momentum: 0.5 }, test: true, seed: "3",
  madeFor: { shape: [28, 28, 1], classes: 10 },
};

test("a setup is read from the address as it was written", () => {
  const parameters = parametersOf(SETUP, DEFAULTS);
  assert.equal(parameters.recipe, null); // a default need not be said
  const { dataset, network, seed, settings, test: evaluates, madeFor, ...others } = readSetup((name) => parameters[name]);
  assert.deepEqual([dataset, network, seed, evaluates], ["digits", SETUP.network, "3", true]);
  assert.deepEqual(settings, { epochs: "7", momentum: "0.5" });
  assert.deepEqual(madeFor, SETUP.madeFor);
  assert.deepEqual(others, {});
});

test("an address without a setup, or with a broken one, names nothing", () => {
  assert.deepEqual(readSetup(() => null), { settings: {}, test: false, madeFor: null });
  const broken = { settings: "epochs:1:2,:3,rate", input: "28x0x1", test: "no" };
  assert.deepEqual(readSetup((name) => broken[name] ?? null), { settings: {}, test: false, madeFor: null });
});

test("what an address names and the form cannot hold is told apart from what is only out of range", () => {
  const fields = [
    { name: "epochs", default: 10, allowed: [1, 100] },
    { name: "nesterov", default: true, allowed: null },
    { name: "optimizer", default: "sgd", allowed: ["sgd", "adamw"] },
  ];
  const known = { datasets: ["digits"], recipes: ["general"], fields };
  const unknown = (address) => unknownIn((name) => address[name] ?? null, known);
  assert.deepEqual(unknown({}), []);
  assert.deepEqual(unknown({ dataset: "digits", recipe: "general", test: "yes", input: "8x8x1", classes: "10" }), []);
  assert.deepEqual(unknown({ settings: "epochs:100000,nesterov:false,optimizer:adamw" }), []);
  const wrong = { dataset: "nix", recipe: "none", test: "maybe", input: "8x" };
  assert.deepEqual(Object.fromEntries(unknown(wrong)), wrong);
  assert.deepEqual(unknown({ input: "8x8x1", classes: "-1" }), [["classes", "-1"]]);
  const pairs = ["epoch:3", "nesterov:perhaps", "optimizer:lion", "epochs:1:2"];
  assert.deepEqual(unknown({ settings: pairs.join(",") }), pairs.map((pair) => ["settings", pair]));
});

test("a command line names what differs from the defaults, in quotes where a word needs them", () => {
  const setup = { ...DEFAULTS, limit: 0, seed: 0, settings: {}, test: false };
  assert.equal(commandOf(setup), "imagelet train digits --recipe general");
  assert.equal(
    commandOf({ ...SETUP, limit: 500, seed: 3, name: "my run", validation: "0.1" }),
    'imagelet train digits --network "flatten dense(classes)" --recipe general --set epochs=7 --set momentum=0.5' +
      ' --validation 0.1 --limit 500 --seed 3 --name "my run" --test',
  );
});

test("a network fits images of its size with as many classes", () => {
  const images = { shape: [28, 28, 1], classes: [..."0123456789"] };
  assert.ok(fits(images, { shape: [28, 28, 1], classes: 10 }));
  assert.ok(fits(images, { shape: [28, 28, 1], classes: null }));
  assert.ok(!fits(images, { shape: [28, 28, 1], classes: 7 }));
  assert.ok(!fits(images, { shape: [28, 28, 3], classes: 10 }));
});

test("a setting's text is read by its kind; an empty one is the recipe's", () => {
  const rate = { default: 0.1, allowed: [0, 1], open_end: true };
  assert.equal(valueOf(rate, " 0,25 ", 0.1), 0.25);
  assert.equal(valueOf(rate, "", 0.1), 0.1);
  const typed = { 0: true, 1: false, "-1": false, fast: false };
  for (const [text, allowed] of Object.entries(typed)) assert.equal(isAllowed(rate, valueOf(rate, text, 0.1)), allowed, text);
  assert.ok(isAllowed({ ...rate, open_end: false }, 1));
  assert.ok(isAllowed({ ...rate, auto: -1 }, -1));
  const flip = { default: true, allowed: null };
  assert.equal(valueOf(flip, "false", true), false);
  const optimizer = { default: "adamw", allowed: ["adamw", "sgd"] };
  assert.equal(valueOf(optimizer, "sgd", "adamw"), "sgd");
});

test("the settings out of sight are in the groups that the server names", () => {
  const fields = [["epochs", "length"], ["momentum", "optimization"], ["flip", "augmentation"], ["rho", "optimization"]];
  const groups = groupsOf(/** @type {any[]} */ (fields.map(([name, group]) => ({ name, group }))));
  const expected = [["optimization", "momentum", "rho"], ["augmentation", "flip"]];
  assert.deepEqual(groups.map(({ group, members }) => [group, ...members]), expected);
  assert.equal(sentence("largest shift"), "Largest shift.");
  assert.equal(sentence("Why?"), "Why?");
});

const JOB = { id: "1", state: "running", want: "run", experiment: { recipe: { epochs: 4 } }, history: [] };
const epoch = (number, accuracy, loss = 1) => ({ epoch: number, loss, accuracy, val_loss: loss, val_accuracy: accuracy });

test("a training is followed: its epochs, the best of them, how much is done", () => {
  const progress = new Progress(JOB);
  assert.deepEqual([progress.fraction, progress.isBusy, progress.best], [0, true, undefined]);
  progress.takeStep({ epoch: 1, step: 5, steps: 10, loss: 2, accuracy: 0.1 });
  assert.deepEqual([progress.fraction, progress.isBusy], [1 / 8, false]);
  assert.deepEqual(progress.points.map(({ x }) => x), [0.5]);
  for (const figures of [epoch(2, 0.9, 0.4), epoch(1, 0.9, 0.5), epoch(3, 0.8)]) progress.takeEpoch(figures);
  assert.deepEqual(progress.history.map((figures) => figures.epoch), [1, 2, 3]);
  assert.equal(progress.best.epoch, 2); // equal accuracy, lower loss
  assert.deepEqual(progress.points, []);
  assert.equal(progress.fraction, 3 / 4);
  progress.takeState({ state: "finished" });
  assert.equal(progress.fraction, 1);
});

test("events that come again change nothing", () => {
  const progress = new Progress({ ...JOB, history: [epoch(1, 0.5)] });
  const change = { epoch: 1, step: 9, change: "ended" };
  for (const repeated of [change, change]) progress.takeChange(repeated);
  assert.deepEqual(progress.changes, [change]);
  progress.takeEpoch(epoch(2, 0.6));
  progress.restart(); // with what the job says alone
  assert.deepEqual(progress.history.map((figures) => figures.epoch), [1]);
  progress.takeStep({ epoch: 1, step: 1, steps: 2, loss: 1 }); // of an epoch that is complete
  assert.deepEqual(progress.points, []);
});

test("a request is pending until the training does it", () => {
  const progress = new Progress({ ...JOB, want: "pause" });
  assert.deepEqual([progress.requested, progress.isBusy], ["pause", true]);
  assert.ok(progress.takeState({ state: "paused" }));
  assert.equal(progress.requested, null);
  assert.ok(!progress.takeState({ state: "paused" })); // it is no other state
});

test("smoothing is a mean that forgets, and without weight it changes nothing", () => {
  const points = [[1, 4], [2, 2], [3, NaN], [4, 0]];
  assert.deepEqual(smoothed(points, 0), points);
  const [first, second, gap, last] = smoothed(points, 0.5);
  assert.deepEqual([first, gap], [[1, 4], [3, NaN]]);
  assert.ok(Math.abs(second[1] - (2 + 0.5 * 4) / 1.5) < 1e-12);
  assert.ok(Math.abs(last[1] - (0.5 * 2 + 0.25 * 4) / 1.75) < 1e-12);
  const constant = smoothed([[1, 3], [2, 3], [3, 3]], 0.95).map(([, y]) => y);
  assert.ok(constant.every((y) => Math.abs(y - 3) < 1e-12)); // no beginning at 0
});

test("the part that changes slowly begins where nine tenths are done, and has three points", () => {
  const points = [[1, 10], [2, 3], [3, 0.9], [4, 0.5], [5, 0.2], [6, 0]];
  assert.equal(interestingFrom([{ points }]), 3);
  assert.equal(interestingFrom([{ points: points.slice(0, 3) }]), 0);
  assert.equal(interestingFrom([{ points: points.map(([x, y]) => [x, x === 6 ? -99 : y]) }]), 4);
  assert.equal(interestingFrom([]), 0);
});

test("the figures as CSV have a line an epoch, and nothing where there is no number", () => {
  const text = csvOf([{ epoch: 1, loss: 0.5, val_loss: null, accuracy: 0.9, val_accuracy: null, learning_rate: 0.01 }]);
  assert.equal(text, "epoch,loss,val_loss,accuracy,val_accuracy,learning_rate\n1,0.5,,0.9,,0.01\n");
});

test("an estimate is written no more exactly than it is", () => {
  const rounded = { 1: 5, 43: 45, 100: 90, 754: 780, 5000: 4800 };
  for (const [seconds, text] of Object.entries(rounded)) assert.equal(roundedSeconds(Number(seconds)), text, seconds);
  assert.equal(roundedSeconds(null), null);
});

test("the list has first what trains, then what waits in its order, then what is paused, then the latest", () => {
  const job = (id, state, place = null) => ({ id, state, place });
  const jobs = [job("1", "finished"), job("2", "queued", 1), job("3", "paused"), job("4", "running"), job("5", "queued", 0)];
  jobs.push(job("6", "failed"));
  assert.deepEqual(ordered(jobs).map(({ id }) => id), ["4", "5", "2", "3", "6", "1"]);
});

test("a histogram's outline reaches from end to end, the highest bin to the top", () => {
  const points = outline({ counts: [0, 4, 1], limit: 1 }, 1, 4).split(" ").map((point) => point.split(",").map(Number));
  assert.deepEqual([points[0], points.at(-1)[0]], [[0, 44], 120]);
  assert.equal(Math.min(...points.map(([, y]) => y)), 0);
  assert.equal(points.at(-1)[1], 22); // the root of a quarter
});
