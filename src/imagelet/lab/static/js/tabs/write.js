// @ts-check
// The Write tab of a class's pupil: choose a nickname, write what the teacher asks for, hand it in.

import { joining } from "../classroom/joining.js";
import { Pad } from "../draw/pad.js";
import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { busy, button, error, h, replace } from "../shared/ui.js";

const AGAIN = 3000; // milliseconds until a pupil who waits for the teacher is asked for
const KEPT = "imagelet-pupil"; // the nickname and its key, for this window

class WriteTab {
  constructor(root) {
    this.root = root;
    this.pupil = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    this.problem = h("div");
    this.pad = this.newPad();
    this.send = button(t("write.send"), () => this.handIn(), { primary: true });
    this.clear = button(t("write.clear"), () => this.pad.clear());
    this.label = h("h2", { class: "write-label", "aria-live": "polite" });
    this.bar = h("progress", { class: "write-bar", "aria-label": t("write.progress") });
    this.count = h("p", { class: "note" });
  }

  newPad() {
    const update = () => this.update();
    return new Pad({ label: t("write.pad"), steps: null, changed: update, rested: update });
  }

  /** Show what can be done now: wait, join, or write. */
  async begin() {
    clearTimeout(this.timer);
    try {
      const task = await api.get("/api/class/task");
      if (this.closed) return;
      if (!task) this.wait();
      else if (this.pupil) this.show(await this.next());
      else this.join();
    } catch (problem) {
      if (this.closed) return;
      this.leave();
      if (problem.status === 422) this.join();
      else this.wait(problem);
    }
  }

  /** Ask what comes next, without handing anything in. */
  next() {
    return api.post("/api/class/next", this.pupil);
  }

  wait(problem = null) {
    replace(this.root, problem ? error(problem) : h("p", { class: "write-wait" }, t("write.wait")));
    this.timer = setTimeout(() => this.begin(), AGAIN);
  }

  join() {
    const form = joining(async (nickname) => {
      const { key, nickname: name, ...next } = await api.post("/api/class/join", { nickname });
      this.pupil = { nickname: name, key };
      sessionStorage.setItem(KEPT, JSON.stringify(this.pupil));
      this.show(next);
    });
    replace(this.root, form.element);
    form.focus();
  }

  show({ label, done, total }) {
    this.wanted = label;
    replace(this.problem);
    [this.bar.value, this.bar.max] = [done, total];
    this.count.textContent = t("write.count", { done, total, name: this.pupil.nickname });
    if (label === null) {
      replace(this.root, h("p", { class: "write-wait" }, t("write.done")), this.bar, this.count);
      this.timer = setTimeout(() => this.begin(), AGAIN); // the teacher may ask for something else
      return;
    }
    replace(this.label, t("write.label"), " ", h("strong", null, label));
    const stage = h("div", { class: "pad-stage" }, this.pad.canvas);
    const tools = h("div", { class: "tools" }, this.send, this.clear);
    replace(this.root, this.label, stage, tools, this.problem, this.bar, this.count);
    this.update();
  }

  update() {
    this.send.disabled = this.clear.disabled = this.pad.empty;
  }

  async handIn() {
    this.send.disabled = true;
    try {
      const { picture } = await this.pad.image();
      const next = await busy(
        this.root,
        api.post("/api/class/pictures", { ...this.pupil, label: this.wanted, picture }),
      );
      this.pad = this.newPad();
      this.show(next);
    } catch (problem) {
      replace(this.problem, error(problem));
      this.update();
    }
  }

  leave() {
    this.pupil = null;
    sessionStorage.removeItem(KEPT);
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }
}

/** Fill `section`; see main.js. */
export async function open(section) {
  const root = h("div", { class: "write" });
  section.append(root);
  const tab = new WriteTab(root);
  await tab.begin();
  return tab;
}
