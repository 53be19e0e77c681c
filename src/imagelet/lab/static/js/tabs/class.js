// @ts-check
// The Class tab of a teacher: the pupils' link, what they write, and how well a classifier reads it, live.

import { asking } from "../classroom/asking.js";
import { qrCode } from "../classroom/code.js";
import { figures, people, wall } from "../classroom/results.js";
import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { state } from "../shared/state.js";
import { button, command, error, h, quoted, replace, unknownValues } from "../shared/ui.js";

const OFTEN = 2000; // milliseconds

class ClassTab {
  constructor(section, classifiers) {
    this.classifiers = classifiers;
    this.problem = h("div");
    this.unknown = h("div", { role: "status" }); // what the address names and is not there
    this.link = h("section", { class: "class-link", "aria-label": t("class.link") });
    this.ask = h("section", { class: "class-ask", "aria-label": t("class.task") });
    this.part = h("section", { class: "class-result", "aria-label": t("class.result") });
    this.view = button("", () => state.set({ view: this.isProjector ? null : "projector" }, { replace: true }));
    this.root = h("div", { class: "class-columns" }, this.link, this.ask, this.part);
    section.append(h("div", { class: "row" }, this.view), this.problem, this.unknown, this.root);
    this.changed();
  }

  get isProjector() {
    return state.get("view") === "projector";
  }

  changed() {
    const { isProjector } = this;
    const view = state.get("view");
    replace(this.unknown, view && !isProjector ? unknownValues([["view", view]]) : null);
    this.root.classList.toggle("projector", isProjector);
    this.ask.hidden = isProjector;
    this.view.textContent = t(isProjector ? "class.plain" : "class.projector");
    if (this.result) this.showResult(this.result);
  }

  async refresh() {
    clearTimeout(this.timer);
    try {
      const result = await api.get("/api/class");
      if (this.closed) return;
      replace(this.problem);
      this.show(result);
    } catch (problem) {
      if (this.closed) return;
      replace(this.problem, error(problem));
    }
    this.timer = setTimeout(() => this.refresh(), OFTEN);
  }

  show(result) {
    if (this.result?.address !== result.address) this.showLink(result);
    if (!this.result || JSON.stringify(this.result.task) !== JSON.stringify(result.task)) this.showAsk(result);
    if (JSON.stringify(this.result) !== JSON.stringify(result)) this.showResult(result);
    this.result = result;
  }

  showLink({ address, qr }) {
    replace(this.link, h("h2", null, t("class.link")), qrCode(qr, t("class.qr")), command(address));
  }

  showAsk({ task }) {
    const ask = async (asked) => {
      await api.post("/api/class/task", asked);
      await this.refresh();
    };
    replace(this.ask, h("h2", null, t("class.task")), asking(this.classifiers, task, ask));
  }

  showResult(result) {
    const { task, pupils, wrong, table } = result;
    const head = h("h2", null, t("class.result"));
    if (!task) {
      replace(this.part, head, h("p", { class: "note" }, t("class.nothing_asked")));
      return;
    }
    const remove = async (path) => {
      await api.del(`/api/class/pictures/${path}`).catch((problem) => replace(this.problem, error(problem)));
      await this.refresh();
    };
    const line = `imagelet evaluate ${quoted(task.classifier)} --data ${quoted(table)}`;
    replace(
      this.part,
      head,
      h("p", { class: "note" }, t("class.pupils", { pupils, labels: task.labels.join(" ") })),
      figures(result),
      wrong.length > 0 && h("h3", null, t("class.wrong")),
      wall(wrong, this.isProjector ? null : remove),
      !this.isProjector && people(result.people),
      !this.isProjector && result.images > 0 && command(line),
    );
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }
}

/** Fill `section`; see main.js. */
export async function open(section) {
  const tab = new ClassTab(section, await api.get("/api/classifiers"));
  await tab.refresh();
  return tab;
}
