// One training as it is: progress, curves, figures, filters, and what can be done with it.

import { ApiError } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { state as address } from "../shared/state.js";
import { busy, button, duration, error, h, number, percent, replace, table } from "../shared/ui.js";
import { byHandText } from "./by_hand.js";
import { filterPanel } from "./filters.js";
import { plot } from "./plots.js";
import { ENDED, inShort, nameOf, stateMark } from "./states.js";
import { controlRow, factorSlider } from "./steering.js";
import { follow } from "./stream.js";
import { experimentEpochs, part, startsNow, underWay, whereText } from "./where.js";

/** Show the training `id`; `known` is what is known of it. `onjob(job)` hears of its state. Returns {element, close()}. */
export function monitor(api, id, { known, onjob, ongone }) {
  let job = known ?? null;
  let now = {}; // the last progress
  let epochs = new Map(); // epoch → figures
  let opened = null; // of the images: {done, total}
  let isFirst = false; // in the queue, with nothing under way
  let finishing = false; // classifier and figures are being made
  const byHand = [];
  let live = []; // of the epoch that is under way: {x, loss, accuracy}
  const heading = h("h2", { tabindex: "-1" });
  const chip = h("span");
  const short = h("p", { class: "hint experiment-line" });
  const said = h("p", { class: "visually-hidden", role: "status" });
  const lost = h("div", { class: "lost", role: "status", hidden: true });
  const meter = h("progress", { max: "1", value: 0, "aria-label": t("train.progress") });
  const where = h("p", { class: "where" });
  const line = h("div", { class: "progress-line" }, meter, where);
  const readings = {};
  const reading = (name) => {
    readings[name] = h("dd", null, "–");
    return h("div", null, h("dt", null, t(`train.${name}`)), readings[name]);
  };
  const figures = h("dl", { class: "readings" }, ["accuracy.validation", "left", "speed", "rate"].map(reading));
  const controls = controlRow(act);
  const factor = factorSlider(change);
  const problem = h("div", { "aria-live": "polite" });
  const lossPlace = h("div", { class: "plot" }, h("h3", null, t("train.loss")));
  const accuracyPlace = h("div", { class: "plot" }, h("h3", null, t("train.accuracy")));
  const charts = [plot(lossPlace, "loss"), plot(accuracyPlace, "accuracy")];
  const note = h("p", { class: "hint" }, t("train.curves.wait"));
  const figuresTable = h("div", { class: "epoch-table" });
  const filters = filterPanel();
  const hands = h("ul", { class: "by-hand hint", hidden: true, "aria-label": t("train.by_hand.all") });
  const after = h("div", { class: "after" });
  const element = h(
    "section",
    { class: "card monitor", "aria-label": t("train.jobs.run") },
    h("header", { class: "monitor-head" }, h("div", null, heading, short), chip),
    lost,
    line,
    figures,
    h("div", { class: "steering" }, controls.element, factor.element),
    hands,
    problem,
    after,
    h("div", { class: "plots" }, lossPlace, accuracyPlace),
    note,
    filters.element,
    h("details", { class: "group" }, h("summary", null, h("span", null, t("train.table"))), figuresTable),
    said,
  );

  for (const each of job?.history ?? []) epochs.set(each.epoch, each);
  const stream = follow(api, id, {
    job(next) {
      job = next;
      if (job.progress) now = { ...now, ...job.progress };
      for (const each of job.history ?? []) epochs.set(each.epoch, each);
      factor.take(job.learning_rate_factor);
      if (job.error) tellError(job.error);
      show();
    },
    again() {
      epochs = new Map();
      live = [];
      for (const each of job?.history ?? []) epochs.set(each.epoch, each);
    },
    progress(told) {
      now = { ...now, ...told };
      if (Number.isFinite(told.loss) && !epochs.has(told.epoch)) {
        const x = told.epoch - 1 + (told.steps ? told.step / told.steps : 0);
        if (live.length && x < live.at(-1).x) live = [];
        live.push({ x, loss: told.loss, accuracy: told.accuracy });
        if (live.length > 400) live = live.filter((_, at) => at % 2 === 0);
      }
      soon();
    },
    epoch(told) {
      const each = told.figures ?? told;
      epochs.set(each.epoch, each);
      live = [];
      if (!ENDED.has(job?.state) && Number.isFinite(each.val_accuracy)) {
        said.textContent = t("train.said.epoch", { epoch: each.epoch, accuracy: percent(each.val_accuracy) });
      }
      soon();
    },
    filters: filters.show,
    data(told) {
      opened = told;
      soon();
    },
    by_hand(told) {
      if (byHand.some((each) => each.step === told.step && each.epoch === told.epoch && each.change === told.change)) return;
      byHand.push(told);
      hands.hidden = false;
      replace(hands, byHand.map((each) => h("li", null, byHandText(each, "train"))));
    },
    finishing() {
      finishing = true;
      soon();
    },
    state(told) {
      const changed = job && job.state !== told.state;
      if (job) job = { ...job, ...told };
      if (changed) {
        said.textContent = t("train.said.state", { run: job.run, state: t(`train.state.${told.state}`) });
        refresh();
      }
      if (told.state === "running") finishing = false;
      if (ENDED.has(told.state)) stream.rest(); // the browser would connect again and again
      show();
    },
    error: tellError,
    lost(seconds) {
      lost.hidden = false;
      replace(
        lost,
        h("span", null, t("train.lost", { seconds })),
        button(t("train.lost.now"), () => stream.now(), { quiet: true }),
      );
    },
    found() {
      lost.hidden = true;
    },
    gone: (reason) => ongone?.(reason),
  });

  /** Ask for the job anew: its run's name and figures may have changed with its state. */
  async function refresh() {
    try {
      job = await api.get(`/api/jobs/${encodeURIComponent(id)}`);
      show();
      onjob?.(job);
    } catch {
      // the stream notices and tells
    }
  }

  let waiting = false;
  function soon() {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      show();
    }, 120); // not more often than the eye needs
  }

  function show() {
    if (!job) return;
    const history = [...epochs.values()].sort((a, b) => a.epoch - b.epoch);
    const done = history.at(-1);
    const total = now.epochs || experimentEpochs(job) || done?.epoch || 0;
    const over = ENDED.has(job.state);
    const name = nameOf(job);
    if (heading.textContent !== name) heading.textContent = name;
    if (chip.dataset.state !== job.state) {
      chip.dataset.state = job.state;
      replace(chip, stateMark(job.state));
      if (job.state !== "failed") replace(problem);
    }
    short.textContent = inShort(job.experiment);
    const share = job.state === "finished" ? 1 : total ? Math.min(1, (Math.max(done?.epoch ?? 0, (now.epoch ?? 1) - 1) + part(now, done)) / total) : 0;
    meter.value = share;
    const busyWith = underWay(job, finishing);
    where.textContent = busyWith ?? whereText(job, now, done, total, opened, isFirst);
    line.classList.toggle("busy", Boolean(busyWith) || startsNow(job, now, done, isFirst));
    const [best] = history.filter((each) => Number.isFinite(each.val_accuracy)).sort((a, b) => b.val_accuracy - a.val_accuracy || a.val_loss - b.val_loss);
    readings["accuracy.validation"].replaceChildren(
      best ? percent(done.val_accuracy, 2) : "–",
      best && history.length > 1 ? h("small", null, `${t("train.best", { epoch: best.epoch })} · ${percent(best.val_accuracy, 2)}`) : "",
    );
    readings.left.textContent = job.state !== "running" ? "–" : duration(now.seconds_left);
    readings.speed.textContent = now.images_per_second ? number(Math.round(now.images_per_second), 4) : "–";
    const rate = now.learning_rate ?? done?.learning_rate;
    readings.rate.textContent = number(rate, 3);
    factor.show(rate, job.state);
    controls.show(job);
    charts.forEach((each) => each.show(history, live, total));
    const held = history.some((each) => Number.isFinite(each.val_loss));
    note.textContent = !history.length && !live.length ? t("train.curves.wait") : history.length && !held ? t("train.no_validation") : t("train.curves.note");
    showTable(history);
    showAfter();
  }

  let tabled = "";
  function showTable(history) {
    const key = `${history.length}:${history.at(-1)?.loss}`;
    if (key === tabled) return;
    tabled = key;
    const column = (label) => ({ label, numeric: true });
    replace(
      figuresTable,
      table(
        [
          { label: t("train.epoch"), numeric: true, head: true },
          column(`${t("train.loss")} · ${t("train.training")}`),
          column(`${t("train.loss")} · ${t("train.validation.curve")}`),
          column(`${t("train.accuracy")} · ${t("train.training")}`),
          column(`${t("train.accuracy")} · ${t("train.validation.curve")}`),
          column(t("train.rate")),
        ],
        history.map((each) => [
          each.epoch, fixed(each.loss), fixed(each.val_loss), percent(each.accuracy, 2), percent(each.val_accuracy, 2), number(each.learning_rate, 3),
        ]),
        { caption: t("train.table") },
      ),
    );
  }

  function showAfter() {
    const ready = job.run && job.can_continue; // there is a classifier
    const key = ready ? job.run : "";
    if (after.dataset.run === key) return;
    after.dataset.run = key;
    replace(
      after,
      ready && [
        h("a", { class: "button", href: address.link("runs", { open: job.run }) }, t("train.open_run")),
        h("a", { class: "button", href: address.link("draw", { run: job.run }) }, t("train.draw_run")),
      ],
    );
  }

  function tellError(told) {
    replace(problem, error(new ApiError(told)));
  }

  async function act(what, body = {}) {
    replace(problem);
    try {
      const next = await busy(controls.element, api.post(`/api/jobs/${encodeURIComponent(id)}/${what}`, body));
      if (next?.id === id) {
        job = { ...job, ...next };
        if (what === "resume") stream.now();
        show();
      }
      onjob?.(next ?? job); // training on is another job, with a run of its own
    } catch (refused) {
      replace(problem, error(refused));
    }
  }

  async function change(value) {
    try {
      await api.patch(`/api/jobs/${encodeURIComponent(id)}`, { learning_rate_factor: value });
    } catch (refused) {
      replace(problem, error(refused));
    }
  }

  show();
  return {
    element,
    focus: () => heading.focus(),
    /** What the list of all trainings says of this one. */
    update(next, first) {
      const moved = first !== isFirst;
      isFirst = first;
      if (moved) show();
      if (stream.resting() && !ENDED.has(next.state)) stream.now(); // it goes on, told from elsewhere
    },
    away: () => stream.away(),
    close: () => stream.close(),
  };
}

const fixed = (value) => (Number.isFinite(value) ? value.toFixed(4) : "–");
