// Files of a run: its classifier, and the report that is made when it is asked for.

import { ApiError, refusal } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { busy, button, command, error, h, replace } from "../shared/ui.js";
import { quoted } from "./naming.js";

/** Links and buttons for what can be taken away from a run. */
export function downloads(name) {
  const plain = name.split("/").at(-1); // of a course's run or a series'
  const place = `/api/runs/${encodeURIComponent(name)}`;
  const problem = h("div", { "aria-live": "polite" });
  const made = h("span", { role: "status" });
  const report = button(t("runs.download.report"), async () => {
    replace(problem);
    report.disabled = true;
    report.textContent = t("runs.download.making");
    try {
      const page = await busy(row, fetched(`${place}/report`));
      const link = h("a", { class: "button", href: URL.createObjectURL(page), download: `${plain}-report.html` }, t("runs.download.ready"));
      replace(made, link);
      report.hidden = true;
      link.focus();
      link.click();
    } catch (refused) {
      replace(problem, error(refused));
    } finally {
      report.disabled = false;
      report.textContent = t("runs.download.report");
    }
  });
  const row = h(
    "div",
    { class: "row" },
    h("a", { class: "button", href: `${place}/classifier`, download: `${plain}.safetensors` }, t("runs.download.classifier")),
    report,
    made,
  );
  return h("section", { class: "downloads" }, h("h3", null, t("runs.download")), row, problem, h("p", { class: "hint" }, t("runs.download.use")), command(`imagelet predict ${quoted(`${plain}.safetensors`)} picture.png`));
}

/** A file that is made on request; the cookie stands for the token. */
async function fetched(path) {
  let response;
  try {
    response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
  } catch {
    throw new ApiError({ message: t("common.no_server"), hint: t("common.no_server_hint") });
  }
  if (response.ok) return response.blob();
  throw await refusal(response);
}
