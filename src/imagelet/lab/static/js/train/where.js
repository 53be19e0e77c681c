// Where a training is: how much of it is done, and that in words.

import { t } from "../shared/i18n.js";
import { number, percent } from "../shared/ui.js";

/** The share of the epoch that is under way. */
export function part(now, done) {
  if (!now.steps || now.epoch <= (done?.epoch ?? 0)) return 0;
  return now.step / now.steps;
}

/** The epochs that were asked for, before anything is told. */
export function experimentEpochs(job) {
  return job.epochs ?? job.experiment?.recipe?.epochs ?? job.experiment?.settings?.epochs ?? 0;
}

/** What a training does besides learning: ends, or heeds what was asked; null where it learns. */
export function underWay(job, finishing) {
  if (job.state !== "running") return null;
  if (finishing) return t("train.finishing");
  return job.want === "pause" || job.want === "stop" ? t(`train.${job.want}.asked`) : null;
}

/** Whether it begins: there is nothing to count yet. */
export function startsNow(job, now, done, isFirst) {
  if (job.state === "queued") return isFirst;
  return job.state === "running" && !now.epoch && !done;
}

/** The epoch and the step, or what is waited for. */
export function whereText(job, now, done, total, opened, isFirst) {
  if (job.state === "queued") return t(isFirst ? "train.queued.first" : "train.queued");
  const epoch = Math.max(now.epoch ?? 0, done?.epoch ?? 0);
  if (!epoch && job.state !== "running") return "";
  if (!epoch) return opened?.total ? t("train.preparing.part", { share: percent(opened.done / opened.total, 0) }) : t("train.preparing");
  const told = t("train.epoch_of", { epoch: number(epoch, 6), epochs: number(Math.max(total, epoch), 6) });
  const within = now.steps && now.epoch > (done?.epoch ?? 0) && job.state !== "finished";
  return within ? `${told} · ${t("train.step_of", { step: number(now.step, 9), steps: number(now.steps, 9) })}` : told;
}
